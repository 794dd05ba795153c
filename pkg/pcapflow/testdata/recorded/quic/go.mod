module recorder

go 1.26

require (
	github.com/quic-go/quic-go v0.59.1
	golang.org/x/net v0.43.0
)

require (
	github.com/quic-go/qpack v0.6.0 // indirect
	golang.org/x/crypto v0.41.0 // indirect
	golang.org/x/sys v0.35.0 // indirect
	golang.org/x/text v0.28.0 // indirect
)
