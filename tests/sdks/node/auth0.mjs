// `auth0` for Node, by its own examples.
import { AuthenticationClient } from "auth0";
import { take } from "./calls.mjs";

const { DOMAIN: domain, CLIENT_ID: clientId, CLIENT_SECRET: clientSecret } = process.env;
const auth0 = new AuthenticationClient({ domain, clientId, clientSecret });

await take(
  {
    start: ({ email, phone }) =>
      email
        ? auth0.passwordless.sendEmail({ email, send: "code" }).then(() => null)
        : auth0.passwordless.sendSMS({ phone_number: phone }).then(() => null),
    login: async ({ email, phone, code, scope }) =>
      (
        await (email
          ? auth0.passwordless.loginWithEmail({ email, code, scope })
          : auth0.passwordless.loginWithSMS({ phone_number: phone, code, scope }))
      ).data,
    refresh: async ({ token }) => (await auth0.oauth.refreshTokenGrant({ refresh_token: token })).data,
  },
  (error) => ({ code: error.error, says: error.error_description ?? error.message, status: error.statusCode }),
);
