import { Amplify } from 'aws-amplify'
import {
  confirmSignUp,
  fetchAuthSession,
  fetchUserAttributes,
  signIn,
  signOut,
  signUp,
} from 'aws-amplify/auth'

Amplify.configure({
  Auth: {
    Cognito: {
      userPoolId: 'local_shop',
      userPoolClientId: 'shop',
      userPoolEndpoint: `${location.origin}/cognito/`,
    },
  },
})

const told = document.querySelector('#told')
let lastName = ''

async function attempt(work) {
  try {
    told.textContent = await work()
    told.dataset.kind = 'ok'
  } catch (error) {
    told.textContent = `${error.name}: ${error.message}`
    told.dataset.kind = 'error'
  }
}

function onSubmit(id, work) {
  document.querySelector(id).addEventListener('submit', (event) => {
    event.preventDefault()
    const fields = Object.fromEntries(new FormData(event.target))
    void attempt(() => work(fields))
  })
}

onSubmit('#sign-up', async ({ username, email, password }) => {
  await signUp({ username, password, options: { userAttributes: { email } } })
  lastName = username
  return `${username} has signed up. Type the code that the terminal shows.`
})

onSubmit('#confirm', async ({ code }) => {
  await confirmSignUp({ username: lastName, confirmationCode: code })
  return `${lastName} is confirmed and can sign in.`
})

onSubmit('#sign-in', async ({ username, password }) => {
  await signOut()
  await signIn({ username, password })
  const { email } = await fetchUserAttributes()
  return `Signed in as ${username}, ${email}.`
})

document.querySelector('#refresh').addEventListener('click', () =>
  attempt(async () => {
    const before = (await fetchAuthSession()).tokens?.accessToken.toString()
    const after = (await fetchAuthSession({ forceRefresh: true })).tokens?.accessToken.toString()
    if (after === undefined) return 'Nobody is signed in.'
    return before === after ? 'The tokens are the old ones.' : 'The tokens are new.'
  }),
)

document.querySelector('#sign-out').addEventListener('click', () =>
  attempt(async () => {
    await signOut({ global: true })
    return 'Nobody is signed in.'
  }),
)
