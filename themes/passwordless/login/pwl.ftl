<#-- What the login page needs to hand an address over to a passwordless connection.

     A passwordless connection is an identity provider of the realm whose alias msg("passwordlessConnections") lists.
     Keycloak's broker login URL takes login_hint in its query, so the form is a GET form. The browser drops the query of
     such a form's action: each parameter of the URL becomes a hidden field. -->

<#-- What the realm says of each of its passwordless connections: an alias, followed by "/sms" where it takes numbers. The
     one that the application chose for itself, by an attribute of its client, comes first. -->
<#function said>
  <#local all = msg("passwordlessConnections")?trim?split(r"\s+", "r")>
  <#local chosen = (client.attributes["passwordless.connection"])!"">
  <#return all?filter(it -> it?keep_before("/") == chosen) + all?filter(it -> it?keep_before("/") != chosen)>
</#function>

<#function aliases>
  <#return said()?map(it -> it?keep_before("/"))>
</#function>

<#-- The passwordless connections of this page, in the order of that list: provider, and whether it takes numbers. -->
<#function connections>
  <#local found = []>
  <#list said() as it>
    <#list ((social.providers)![])?filter(p -> p.alias == it?keep_before("/")) as p>
      <#local found += [{"provider": p, "takesNumbers": it?ends_with("/sms")}]>
    </#list>
  </#list>
  <#return found>
</#function>

<#-- The connections that get a form: the first of each kind. -->
<#function withForm connections>
  <#local found = []>
  <#list connections as it>
    <#if !found?filter(other -> other.takesNumbers == it.takesNumbers)?has_content>
      <#local found += [it]>
    </#if>
  </#list>
  <#return found>
</#function>

<#-- The identity providers of this page that are no passwordless connections. -->
<#function otherProviders>
  <#local known = aliases()>
  <#return ((social.providers)![])?filter(p -> !known?seq_contains(p.alias))>
</#function>

<#-- The parameters of a broker login URL as hidden fields. Only client_id can hold characters that the URL has escaped, and
     FreeMarker can't undo that: it comes from the client itself. -->
<#macro parameters url>
  <#list (url?keep_after("?"))?split("&") as pair>
    <#local name = pair?keep_before("=")>
    <#if name?has_content>
      <input type="hidden" name="${name}" value="${(name == "client_id")?then((client.clientId)!pair?keep_after("="), pair?keep_after("="))}">
    </#if>
  </#list>
</#macro>

<#-- "Continue with an address" or a number: the main form, or two of them. With a script the second is folded into the
     first, which then takes either. A known user whose name is an address (or a number) need not type it.
     error: what is wrong with what was typed, or "". isFirst: the page's focus starts here. -->
<#macro addressForms forms error isFirst>
  <#local attempted = (auth.attemptedUsername)!"">
  <#local fixed = forms?filter(it -> usernameHidden?? && isOfKind(attempted, it.takesNumbers))>
  <#if fixed?has_content>
    <@addressForm it=fixed?first value=attempted isFixed=true error="" isFirst=false />
  <#else>
    <#list forms as it>
      <@addressForm it=it value=(login.username)!"" isFixed=false error=it?is_first?then(error, "") isFirst=isFirst && it?is_first />
    </#list>
  </#if>
</#macro>

<#function isOfKind value takesNumbers>
  <#return takesNumbers?then(value?matches(r"\+[0-9]+"), value?contains("@"))>
</#function>

<#macro addressForm it value isFixed error isFirst>
  <#local id = it.takesNumbers?then("pwl-number", "pwl-address")>
  <form id="${id}-form" class="${properties.kcFormClass!}" action="${it.provider.loginUrl?keep_before("?")}" method="get" data-pwl-once
        data-pwl-takes="${it.takesNumbers?then("numbers", "addresses")}" data-pwl-alias="${it.provider.alias}"
        data-pwl-either="${msg("passwordlessAddressOrNumber")}"
        data-pwl-instead="${it.takesNumbers?then(msg("passwordlessNumberInstead"), msg("passwordlessAddressInstead"))}">
    <@parameters url=it.provider.loginUrl />
    <#if isFixed>
      <input type="hidden" name="login_hint" value="${value}">
    <#else>
      <div class="${properties.kcFormGroupClass!}">
        <div class="${properties.kcFormGroupLabelClass!}">
          <label for="${id}" class="${properties.kcFormLabelClass!}">${it.takesNumbers?then(msg("passwordlessNumber"), msg("passwordlessAddress"))}</label>
        </div>
        <span class="${properties.kcInputClass!}<#if error?has_content> ${properties.kcError!}</#if>">
          <input id="${id}" name="login_hint" required maxlength="254" dir="ltr" autocapitalize="none" spellcheck="false"
                 <#-- HTML knows "username", which browsers offer passkeys by, for plain text only. -->
                 type="${(enableWebAuthnConditionalUI?has_content)?then("text", it.takesNumbers?then("tel", "email"))}" inputmode="${it.takesNumbers?then("tel", "email")}"
                 value="${isOfKind(value, it.takesNumbers)?then(value, "")}"<#if isFirst> autofocus</#if>
                 autocomplete="${(enableWebAuthnConditionalUI?has_content)?then("username webauthn", it.takesNumbers?then("tel", "email"))}"
                 <#if error?has_content>aria-invalid="true" aria-describedby="${id}-error"</#if>>
        </span>
        <@fieldError id="${id}-error" error=error />
      </div>
    </#if>
    <div class="${properties.kcFormActionGroupClass!}">
      <button id="${it.takesNumbers?then("pwl-continue-number", "pwl-continue")}" type="submit" class="${properties.kcButtonPrimaryClass!} ${properties.kcButtonBlockClass!}">${msg("passwordlessContinue")}</button>
    </div>
  </form>
</#macro>

<#macro fieldError id error>
  <#if error?has_content>
    <p id="${id}" class="${properties.kcInputErrorMessageClass!}" role="alert">${error}</p>
  </#if>
</#macro>

<#-- The other passwordless connections, each a link: their page asks for the address. -->
<#macro others connections>
  <#if connections?has_content>
    <div class="${properties.kcFormActionGroupClass!}">
      <#list connections?map(it -> it.provider) as p>
        <a id="pwl-connection-${p.alias}" class="${properties.kcButtonSecondaryClass!} ${properties.kcButtonBlockClass!}" href="${p.loginUrl}">${msg("passwordlessUseConnection", p.displayName!p.alias)}</a>
      </#list>
    </div>
  </#if>
</#macro>

<#-- The steps in place, for a theme that has the property pwlInPlace and a realm that says where the API is: what is nested
     is the first step, and works as it is wherever the script does not. -->
<#macro inPlace forms>
  <#local api = urlOf({"api": msg("passwordlessApi")}, "api")>
  <#if properties.pwlInPlace?? && api?has_content>
    <passwordless-login url="${api}" realm="${realm.name}" client-id="${(client.clientId)!""}" login="${parameterOf(forms[0].provider.loginUrl, "tab_id")}"
        connections="${forms?map(it -> it.provider.alias + it.takesNumbers?then("/sms", ""))?join(" ")}" locale="${(locale.currentLanguageTag)!"en"}"
        heading="kc-page-title" texts="${textsInPlace()}">
      <div class="pwl-step" data-step="address">
        <#nested>
      </div>
    </passwordless-login>
    <script type="module" src="${url.resourcesPath}/js/passwordless-login.js"></script>
  <#else>
    <#nested>
  </#if>
</#macro>

<#function parameterOf url name>
  <#list (url?keep_after("?"))?split("&") as pair>
    <#if pair?keep_before("=") == name><#return pair?keep_after("=")></#if>
  </#list>
  <#return "">
</#function>

<#-- What the script says, as JSON by the names that it has for the texts; arguments stay {0}. Keycloak answers a key that
     has no text with the key. -->
<#function textsInPlace>
  <#local pairs = []>
  <#list ["Address", "Number", "AddressOrNumber", "Continue", "CodeTitle", "CodeLead", "CodeLeadSms", "Code", "CodeGoesOn", "CodeTimeLeft",
      "AnotherAddress", "AnotherNumber", "StatusSending", "StatusSent", "StatusDelivered", "StatusDelayed", "StatusFailed", "SpamHint", "SignalHint",
      "Resend", "ResendCountdown", "CodeOverTitle", "CodeOverLead", "NewCode", "ErrorAddress", "ErrorNumber", "ErrorNumberRefused", "ErrorSmsStopped",
      "ErrorCodeFormat", "ErrorCodeOver", "ErrorAccountStopped", "ErrorUnavailable"] as name>
    <#local pairs += [pairOf(name, msg("passwordless" + name, "{0}"))]>
  </#list>
  <#list ["ErrorCode", "ErrorWaitMinutes"] as name>
    <#list ["zero", "one", "two", "few", "many", "other"] as form>
      <#local key = "passwordless" + name + "." + form>
      <#local text = msg(key, "{0}")>
      <#if text != key><#local pairs += [pairOf(name + "." + form, text)]></#if>
    </#list>
  </#list>
  <#return "{" + pairs?join(",") + "}">
</#function>

<#function pairOf name text>
  <#return '"' + name?uncap_first + '":"' + text?json_string + '"'>
</#function>

<#-- "Sign in with a password": Keycloak's own first step, folded away. error: what is wrong with the user name, or "". -->
<#macro passwordForm error>
  <details class="pwl-details"<#if error?has_content> open</#if>>
    <summary class="pwl-summary">${msg("passwordlessUsePassword")}</summary>
    <form id="kc-form-login" class="${properties.kcFormClass!}" action="${url.loginAction}" method="post" data-pwl-once>
      <#if !usernameHidden??>
        <div class="${properties.kcFormGroupClass!}">
          <div class="${properties.kcFormGroupLabelClass!}">
            <label for="username" class="${properties.kcFormLabelClass!}">${usernameLabel()}</label>
          </div>
          <span class="${properties.kcInputClass!}<#if error?has_content> ${properties.kcError!}</#if>">
            <input id="username" name="username" type="text" required dir="ltr" autocapitalize="none" spellcheck="false"
                   autocomplete="username" value="${(login.username)!""}" data-pwl-prefill="pwl-address"
                   <#if error?has_content>aria-invalid="true" aria-describedby="username-error" autofocus</#if>>
          </span>
          <@fieldError id="username-error" error=error />
        </div>
        <#if realm.rememberMe>
          <@rememberMe />
        </#if>
      </#if>
      <div class="${properties.kcFormActionGroupClass!}">
        <button id="kc-login" type="submit" class="${properties.kcButtonSecondaryClass!} ${properties.kcButtonBlockClass!}">${msg("passwordlessContinueToPassword")}</button>
      </div>
    </form>
  </details>
</#macro>

<#macro rememberMe>
  <label class="${properties.kcCheckboxClass!}">
    <input class="${properties.kcCheckboxInputClass!}" type="checkbox" name="rememberMe"<#if (login.rememberMe)??> checked</#if>>
    <span class="${properties.kcCheckboxLabelClass!}">${msg("rememberMe")}</span>
  </label>
</#macro>

<#-- What Keycloak calls the name that a user types, by the realm's settings. -->
<#function usernameLabel>
  <#if !realm.loginWithEmailAllowed><#return msg("username")></#if>
  <#if realm.registrationEmailAsUsername><#return msg("email")></#if>
  <#return msg("usernameOrEmail")>
</#function>

<#-- How the realm and its applications look, as JSON by client id ("": the realm); "none" if nobody said. Whoever may
     write realm texts may write anything there, so each value is looked at before it is used: a colour is six
     hexadecimal digits, a URL is one of the web's, and a text is escaped like any other. -->
<#function ownBrand>
  <#local text = msg("passwordlessBrands")>
  <#local found = {}>
  <#if text?starts_with("{")>
    <#attempt>
      <#local brands = text?eval_json>
      <#local found = (brands[(client.clientId)!""])!(brands[""])!{}>
    <#recover>
    </#attempt>
  </#if>
  <#return found?is_hash?then(found, {})>
</#function>

<#function textOf brand key>
  <#local value = brand[key]!"">
  <#return value?is_string?then(value, "")>
</#function>

<#function colourOf brand key>
  <#local value = textOf(brand, key)>
  <#return value?matches("#[0-9a-f]{6}")?then(value, "")>
</#function>

<#function urlOf brand key>
  <#local value = textOf(brand, key)>
  <#return value?matches(r"(https://|http://(localhost|127\.0\.0\.1)[:/])[A-Za-z0-9._~:/?#\[\]@!$&()*+,;=%-]+")?then(value, "")>
</#function>

<#function pixelsOf brand key>
  <#local value = brand[key]!0>
  <#return (value?is_number && value gt 0 && value lte 160)?then(value?round, 0)>
</#function>

<#-- The brand of every page: its colours, and its logo and name where it has any of them; then its links. -->
<#macro brand>
  <#local own = ownBrand()>
  <@brandColours own />
  <#local name = textOf(own, "name")>
  <#if name?has_content>
    <#local logo = urlOf(own, "logo")>
    <#local width = pixelsOf(own, "width")>
    <#local height = pixelsOf(own, "height")>
    <div class="pwl-brand" id="pwl-brand">
      <#if logo?has_content && width gt 0 && height gt 0>
        <img class="pwl-logo" src="${logo}" alt="" width="${width?c}" height="${height?c}">
      </#if>
      <span class="pwl-brand-name" dir="auto">${name}</span>
    </div>
  </#if>
  <#local links = []>
  <#list [["help", "passwordlessLinkHelp"], ["privacy", "passwordlessLinkPrivacy"], ["terms", "passwordlessLinkTerms"], ["imprint", "passwordlessLinkImprint"]] as it>
    <#if urlOf(own, it[0])?has_content><#local links += [it]></#if>
  </#list>
  <#if links?has_content>
    <div class="pwl-links" id="pwl-links">
      <#list links as it>
        <a href="${urlOf(own, it[0])}" target="_blank" rel="noopener noreferrer">${msg(it[1])}</a>
      </#list>
    </div>
  </#if>
</#macro>

<#-- The same tokens as in the sidecar's brand.css; all of them, or none. -->
<#macro brandColours own>
  <#local light = colourOf(own, "light")>
  <#local lightStrong = colourOf(own, "lightStrong")>
  <#local dark = colourOf(own, "dark")>
  <#local darkStrong = colourOf(own, "darkStrong")>
  <#if light?has_content && lightStrong?has_content && dark?has_content && darkStrong?has_content>
    <style>
      :root { --pwl-accent: ${light}; --pwl-accent-strong: ${lightStrong}; --pwl-link: ${light}; }
      @supports (color: light-dark(#000, #fff)) {
        :root {
          --pwl-accent: light-dark(${light}, ${dark});
          --pwl-accent-strong: light-dark(${lightStrong}, ${darkStrong});
          --pwl-link: light-dark(${light}, ${dark});
        }
      }
    </style>
  </#if>
</#macro>
