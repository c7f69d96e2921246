// `@auth0/auth0-auth-js`, by its own examples; with ISSUER, it is told of the issuer by its option `customFetch`.
import { AuthClient } from "@auth0/auth0-auth-js";
import { take } from "./calls.mjs";

const { DOMAIN, ISSUER, CLIENT_ID: clientId, CLIENT_SECRET: clientSecret } = process.env;

// What an application writes: its domain is Keycloak's realm, and what the SDK looks for there is at the sidecar.
const realm = ISSUER && `${ISSUER}/`;
const toldOfTheIssuer = realm && {
  domain: ISSUER.replace("https://", ""),
  customFetch: (url, init) => fetch(String(url).replace(realm, `https://${DOMAIN}/`), init),
};

const auth0 = new AuthClient({ domain: DOMAIN, clientId, clientSecret, ...toldOfTheIssuer });
const plain = ({ accessToken, idToken, refreshToken, claims }) => ({
  access_token: accessToken,
  id_token: idToken,
  refresh_token: refreshToken,
  claims,
});

await take(
  {
    start: ({ email, phone }) =>
      email
        ? auth0.passwordless.sendEmail({ email })
        : auth0.passwordless.sendSms({ phoneNumber: phone }),
    login: async ({ email, phone, code, scope }) =>
      plain(
        await (email
          ? auth0.getTokenByPasswordlessEmail({ email, code, scope })
          : auth0.getTokenByPasswordlessSms({ phoneNumber: phone, code, scope })),
      ),
    refresh: async ({ token }) => plain(await auth0.getTokenByRefreshToken({ refreshToken: token })),
  },
  (error) => ({
    code: error.cause?.error ?? error.code,
    says: error.cause?.error_description ?? error.message,
    status: error.statusCode,
    message: error.message,
  }),
);
