// A real OpenID provider (npm oidc-provider, certified by the OpenID Foundation) on a
// free port of 127.0.0.1, with its own login pages. Prints its address, then serves.
import { generateKeyPairSync, webcrypto } from "node:crypto";
import { createServer } from "node:http";

globalThis.crypto ??= webcrypto; // Node 18
const { Provider } = await import("oidc-provider");

const redirectUri = process.argv[2];
const API = "urn:steadfastapi:ops";
const key = (type, options, alg) => ({
  ...generateKeyPairSync(type, options).privateKey.export({ format: "jwk" }),
  use: "sig",
  alg,
  kid: alg,
});
const client = (id, method, rest = {}) => ({
  client_id: id,
  ...(method === "none" ? {} : { client_secret: `the secret of ${id}, long enough` }),
  token_endpoint_auth_method: method,
  redirect_uris: [redirectUri],
  post_logout_redirect_uris: [new URL("/goodbye", redirectUri).href],
  ...rest,
});

const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      client("public", "none"),
      client("basic", "client_secret_basic"),
      client("post", "client_secret_post", { id_token_signed_response_alg: "ES256" }),
      client("machine", "client_secret_basic", {
        grant_types: ["client_credentials"],
        redirect_uris: [],
        response_types: [],
      }),
    ],
    jwks: {
      keys: [
        key("rsa", { modulusLength: 2048 }, "RS256"),
        key("ec", { namedCurve: "P-256" }, "ES256"),
      ],
    },
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({
        sub: id,
        name: id,
        email: `${id}@example.org`,
        email_verified: true,
      }),
    }),
    features: {
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          scope: "",
          audience: API,
          accessTokenFormat: "jwt",
          jwt: { sign: { alg: "RS256" } },
        }),
      },
    },
    cookies: { keys: ["of one test run"] },
  });
  server.on("request", provider.callback());
  console.log(issuer);
});
