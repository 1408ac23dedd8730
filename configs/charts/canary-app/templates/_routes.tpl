{{/* The pods of one version, as a Gloo destination. */}}
{{- define "canary-app.destination" -}}
upstream:
  name: {{ include "canary-app.name" .root | quote }}
  namespace: {{ .root.Release.Namespace | quote }}
subset:
  values:
    version: {{ .version | quote }}
{{- end -}}

{{/* One matcher for each path, with the headers if there are any. */}}
{{- define "canary-app.matchers" -}}
{{- range include "canary-app.paths" .root | fromJsonArray }}
- prefix: {{ . | quote }}
  {{- with $.headers }}
  headers:
    {{- range $name, $value := . }}
    - name: {{ $name | quote }}
      value: {{ $value | quote }}
    {{- end }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* Timeout and retries, of every route; with `shadow` the copies, too. */}}
{{- define "canary-app.options" -}}
{{- $options := .root.Values.options | default dict }}
{{- with $options.timeout }}
timeout: {{ . }}
{{- end }}
{{- with $options.retries }}
retries:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if and .shadow $options.shadowing }}
shadowing:
  upstream:
    name: {{ include "canary-app.name" .root }}-shadow
    namespace: {{ .root.Release.Namespace | quote }}
  percentage: {{ $options.shadowing.percentage }}
{{- end }}
{{- end -}}
