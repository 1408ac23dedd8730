{{/* The versions that are deployed, as JSON: those of the values, or v1 alone. */}}
{{- define "canary-app.versions" -}}
{{- .Values.versions | default (dict "v1" dict) | toJson -}}
{{- end -}}

{{/* Fails the rendering, so that nothing is sent, if a value names a version that is not deployed. */}}
{{- define "canary-app.deployed" -}}
{{- $versions := include "canary-app.versions" .root | fromJson -}}
{{- if not (hasKey $versions .version) -}}
{{- fail (printf "%s is %q, which is not deployed: versions has %s" .field .version (keys $versions | sortAlpha | join ", ")) -}}
{{- end -}}
{{- .version -}}
{{- end -}}

{{- define "canary-app.primary" -}}
{{- $versions := include "canary-app.versions" . | fromJson -}}
{{- $said := (.Values.routes.primary | default dict).version -}}
{{- if $said -}}
{{- include "canary-app.deployed" (dict "root" . "field" "routes.primary.version" "version" $said) -}}
{{- else if eq (len $versions) 1 -}}
{{- keys $versions | first -}}
{{- else -}}
{{- fail (printf "routes.primary.version must say which of the versions is released: %s" (keys $versions | sortAlpha | join ", ")) -}}
{{- end -}}
{{- end -}}

{{/* The version that is tried, or nothing. */}}
{{- define "canary-app.canary" -}}
{{- with (.Values.routes.canary | default dict).version -}}
{{- include "canary-app.deployed" (dict "root" $ "field" "routes.canary.version" "version" .) -}}
{{- end -}}
{{- end -}}

{{/* The version that gets copies, or nothing. */}}
{{- define "canary-app.shadow" -}}
{{- with (.Values.options | default dict).shadowing -}}
{{- include "canary-app.deployed" (dict "root" $ "field" "options.shadowing.version" "version" .version) -}}
{{- end -}}
{{- end -}}
