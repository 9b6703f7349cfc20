{{- define "hecate.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
{{- define "hecate.labels" -}}
{{ include "hecate.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}
{{- define "hecate.secret" -}}
{{ .Values.existingSecret | default "hecate-tokens" }}
{{- end }}
