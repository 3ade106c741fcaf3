// What the package exports as `edgeward/functions`: trying and testing functions without an edge.
export { compareTrial, type Expectation } from './case.ts'
export {
  openTrial,
  runFunction,
  type Trial,
  type TrialFunction,
  type TrialOptions,
  type TriedFunction,
} from './trial.ts'
