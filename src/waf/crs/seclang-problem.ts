/** Where something stands in the rule files. */
export interface Place {
  readonly file: string
  readonly line: number
}

/** One thing that is wrong with a rule file: where, and what to do. */
export interface SecLangProblem extends Place {
  readonly message: string
}

/** Rule files that cannot be used; every problem of all files is in `problems`. */
export class SecLangError extends Error {
  readonly problems: readonly SecLangProblem[]

  constructor(problems: readonly SecLangProblem[]) {
    super(problems.map(({ file, line, message }) => `${file}:${line}: ${message}`).join('\n'))
    this.name = 'SecLangError'
    this.problems = problems
  }
}
