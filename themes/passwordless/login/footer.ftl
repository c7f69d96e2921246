<#-- Keycloak's own place for what stands on every page of a login. -->
<#import "pwl.ftl" as pwl>
<#macro content>
  <@pwl.brand />
</#macro>
