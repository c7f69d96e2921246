<#import "template.ftl" as layout>
<#import "field.ftl" as field>
<#import "buttons.ftl" as buttons>
<#import "social-providers.ftl" as identityProviders>
<#import "passkeys.ftl" as passkeys>
<#import "pwl.ftl" as pwl>

<#-- The first page of a login: an address for a passwordless connection, and what else the realm offers.
     Where the page has no such connection (a user without one who must sign in again), Keycloak's own form stands. -->
<#assign passwordless = pwl.connections()>
<#assign otherProviders = pwl.otherProviders()>
<#assign offersPassword = realm.password && msg("passwordlessPasswordForm") == "true">
<#assign error = messagesPerField.existsError("username")?then(messagesPerField.get("username"), "")>
<#assign offersRegistration = realm.password && realm.registrationAllowed && !registrationDisabled??>

<@layout.registrationLayout displayMessage=!error?has_content displayInfo=offersRegistration; section>
  <#if section = "header">
    ${msg("loginAccountTitle")}
  <#elseif section = "form">
    <#if passwordless?has_content>
      <#assign isPasswordError = offersPassword && error?has_content>
      <#assign forms = pwl.withForm(passwordless)>
      <#assign aliasesWithForm = forms?map(it -> it.provider.alias)>
      <@pwl.inPlace forms=forms>
        <@pwl.addressForms forms=forms error=isPasswordError?then("", error) isFirst=!isPasswordError />
        <@passkeys.conditionalUIData />
        <@pwl.others connections=passwordless?filter(it -> !aliasesWithForm?seq_contains(it.provider.alias)) />
        <#if offersPassword><@pwl.passwordForm error=error /></#if>
      </@pwl.inPlace>
    <#else>
      <#if realm.password>
        <form id="kc-form-login" class="${properties.kcFormClass!}" action="${url.loginAction}" method="post" data-pwl-once>
          <#if !usernameHidden??>
            <@field.input name="username" label=pwl.usernameLabel() value=(login.username)!"" autofocus=true
                autocomplete=(enableWebAuthnConditionalUI?has_content)?then("username webauthn", "username") />
            <#if realm.rememberMe><@pwl.rememberMe /></#if>
          </#if>
          <@buttons.loginButton />
        </form>
      </#if>
      <@passkeys.conditionalUIData />
    </#if>
    <script type="module" src="${url.resourcesPath}/js/passwordless.js"></script>
  <#elseif section = "info">
    <#if offersRegistration>
      <p id="kc-registration">${msg("noAccount")} <a href="${url.registrationUrl}">${msg("doRegister")}</a></p>
    </#if>
  <#elseif section = "socialProviders">
    <#if otherProviders?has_content>
      <@identityProviders.show social={"providers": otherProviders} />
    </#if>
  </#if>
</@layout.registrationLayout>
