{{/*
The name of everything: the release's. A release's name may begin with a digit and have dots, a Service's may not.
*/}}
{{- define "canary-app.name" -}}
{{- $name := .Release.Name | replace "." "-" -}}
{{- if regexMatch "^[0-9]" $name }}{{ $name = printf "app-%s" $name }}{{ end -}}
{{- $name -}}
{{- end -}}

{{- define "canary-app.labels" -}}
app: {{ include "canary-app.name" . | quote }}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* The path prefixes, as JSON. */}}
{{- define "canary-app.paths" -}}
{{- .Values.routes.paths | default (list (printf "/%s" .Release.Name)) | toJson -}}
{{- end -}}
