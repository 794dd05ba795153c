package pcapflow

// KeyLog holds TLS secrets by client random (SSLKEYLOGFILE, or the Decryption
// Secrets Blocks of a pcapng file). The secrets never leave the package.
type KeyLog struct {
	secrets map[[32]byte]map[string][]byte // client random → label → secret
}
