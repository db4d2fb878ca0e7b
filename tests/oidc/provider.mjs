// A certified OpenID provider (oidc-provider) with people made up for a test. PORT, CLIENT_SECRET, REDIRECT come from outside.
import { Provider } from 'oidc-provider';

const { PORT, CLIENT_SECRET, REDIRECT } = process.env;
const issuer = `http://127.0.0.1:${PORT}`;
const verified = (id) => !id.startsWith('unverified');

const provider = new Provider(issuer, {
  clients: [{
    client_id: 'kohde', client_secret: CLIENT_SECRET, redirect_uris: [REDIRECT], response_types: ['code'],
    grant_types: ['authorization_code'], token_endpoint_auth_method: 'client_secret_basic',
  }],
  claims: { openid: ['sub'], email: ['email', 'email_verified'] },
  conformIdTokenClaims: false,
  // The account's id is its address: whoever signs in says who they are, which is all that a test needs.
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, email: id, email_verified: verified(id) }) }),
  features: { devInteractions: { enabled: true } },
  pkce: { required: () => true },
  cookies: { keys: ['a key of this test'] },
});
provider.listen(PORT, '127.0.0.1', () => console.log('ready'));
