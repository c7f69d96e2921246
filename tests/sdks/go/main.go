// go-auth0's authentication package, by its own examples. Calls in JSON, one a line; what came of each goes out the
// same way.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/auth0/go-auth0/authentication"
	"github.com/auth0/go-auth0/authentication/oauth"
	"github.com/auth0/go-auth0/authentication/passwordless"
)

type asked struct {
	Call, Email, Phone, Code, Scope, Token string
}

func main() {
	ctx := context.Background()
	auth0, err := authentication.New(
		ctx,
		os.Getenv("DOMAIN"),
		authentication.WithClientID(os.Getenv("CLIENT_ID")),
		authentication.WithClientSecret(os.Getenv("CLIENT_SECRET")),
	)
	if err != nil {
		log.Fatal(err)
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var given asked
		if err := json.Unmarshal(lines.Bytes(), &given); err != nil {
			log.Fatal(err)
		}
		answer, err := called(ctx, auth0, given)
		said := map[string]any{"answer": answer}
		if err != nil {
			said = map[string]any{"refused": refusal(err)}
		}
		if err := json.NewEncoder(os.Stdout).Encode(said); err != nil {
			log.Fatal(err)
		}
	}
}

func called(ctx context.Context, auth0 *authentication.Authentication, given asked) (any, error) {
	var unchecked oauth.IDTokenValidationOptions
	switch {
	case given.Call == "start" && given.Email != "":
		return auth0.Passwordless.SendEmail(ctx, passwordless.SendEmailRequest{Email: given.Email, Send: "code"})
	case given.Call == "start":
		return auth0.Passwordless.SendSMS(ctx, passwordless.SendSMSRequest{PhoneNumber: given.Phone})
	case given.Call == "login" && given.Email != "":
		request := passwordless.LoginWithEmailRequest{Email: given.Email, Code: given.Code, Scope: given.Scope}
		return auth0.Passwordless.LoginWithEmail(ctx, request, unchecked)
	case given.Call == "login":
		request := passwordless.LoginWithSMSRequest{PhoneNumber: given.Phone, Code: given.Code, Scope: given.Scope}
		return auth0.Passwordless.LoginWithSMS(ctx, request, unchecked)
	case given.Call == "refresh":
		return auth0.OAuth.RefreshToken(ctx, oauth.RefreshTokenRequest{RefreshToken: given.Token}, unchecked)
	}
	return nil, fmt.Errorf("no such call: %s", given.Call)
}

func refusal(err error) map[string]any {
	var refused *authentication.Error
	if errors.As(err, &refused) {
		return map[string]any{
			"type": "authentication.Error", "code": refused.Err, "says": refused.Message, "status": refused.StatusCode,
		}
	}
	return map[string]any{"type": fmt.Sprintf("%T", err), "says": err.Error()}
}
