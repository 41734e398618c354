module edge

go 1.26.0

require golang.org/x/sys v0.49.0

require (
	go.yaml.in/yaml/v4 v4.0.0
	golang.org/x/image v0.47.0
)

require (
	github.com/google/flatbuffers v25.12.19+incompatible
	periph.io/x/conn/v3 v3.7.3
	periph.io/x/host/v3 v3.8.5
)
