import com.auth0.client.auth.AuthAPI;
import com.auth0.client.auth.PasswordlessEmailType;
import com.auth0.exception.APIException;
import com.auth0.json.auth.TokenHolder;
import com.auth0.jwk.JwkProviderBuilder;
import com.auth0.jwt.JWT;
import com.auth0.net.TokenRequest;
import com.auth0.utils.tokens.IdTokenVerifier;
import com.auth0.utils.tokens.SignatureVerifier;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.security.interfaces.RSAPublicKey;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * auth0-java, by its own examples; ID tokens are verified with its verifier, which is told the issuer. Calls in JSON,
 * one a line; what came of each goes out the same way.
 */
public class Calls {
    private static final String DOMAIN = "https://" + System.getenv("DOMAIN");
    private static final String CLIENT_ID = System.getenv("CLIENT_ID");
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final AuthAPI AUTH0 =
        AuthAPI.newBuilder(DOMAIN, CLIENT_ID, System.getenv("CLIENT_SECRET")).build();

    public static void main(String[] arguments) throws Exception {
        var lines = new BufferedReader(new InputStreamReader(System.in));
        for (var line = lines.readLine(); line != null; line = lines.readLine()) {
            Map<String, String> given = JSON.readerForMapOf(String.class).readValue(line);
            System.out.println(JSON.writeValueAsString(said(given)));
        }
    }

    private static Map<String, Object> said(Map<String, String> given) {
        var said = new LinkedHashMap<String, Object>();
        try {
            said.put("answer", called(given));
        } catch (APIException error) {
            said.put("refused", Map.of(
                "type", "APIException", "code", error.getError(), "says", error.getDescription(),
                "status", error.getStatusCode()));
        } catch (Exception error) {
            said.put("refused", Map.of(
                "type", error.getClass().getSimpleName(), "says", String.valueOf(error.getMessage())));
        }
        return said;
    }

    private static Object called(Map<String, String> given) throws Exception {
        String email = given.get("email"), phone = given.get("phone");
        switch (given.get("call")) {
            case "start":
                return email != null
                    ? AUTH0.startPasswordlessEmailFlow(email, PasswordlessEmailType.CODE).execute().getBody().getId()
                    : AUTH0.startPasswordlessSmsFlow(phone).execute().getBody().getId();
            case "login":
                var whose = email != null ? email : phone;
                var realm = email != null ? "email" : "sms";
                return tokens(AUTH0.exchangePasswordlessOtp(whose, realm, given.get("code").toCharArray())
                    .setScope(given.get("scope")));
            default:
                return tokens(AUTH0.renewAuth(given.get("token")));
        }
    }

    private static Map<String, Object> tokens(TokenRequest request) throws Exception {
        TokenHolder got = request.execute().getBody();
        var plain = new LinkedHashMap<String, Object>();
        plain.put("access_token", got.getAccessToken());
        plain.put("refresh_token", got.getRefreshToken());
        plain.put("id_token", got.getIdToken());
        if (got.getIdToken() != null) {
            plain.put("claims", verified(got.getIdToken()));
        }
        return plain;
    }

    private static Map<String, Object> verified(String idToken) throws Exception {
        var keys = new JwkProviderBuilder(DOMAIN).build();
        var signature = SignatureVerifier.forRS256(id -> {
            try {
                return (RSAPublicKey) keys.get(id).getPublicKey();
            } catch (Exception error) {
                throw new IllegalStateException(error);
            }
        });
        IdTokenVerifier.init(System.getenv("ISSUER"), CLIENT_ID, signature).build().verify(idToken);
        return Map.of("email", JWT.decode(idToken).getClaim("email").asString());
    }
}
