package diagnose

import (
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var sshDisconnected = Rule{
	Name: "ssh-disconnected", Family: "ssh",
	Title: lang.Text{EN: "An SSH side said why it goes", ES: "Un lado SSH dijo por qué se va"},
	Doc: lang.Text{
		EN: "Before anything was encrypted one side of an SSH connection sent DISCONNECT, with a code and a text of its own: a client that does not trust the server's host key, a server that takes no more connections, a message that is not understood. Not every program says it; OpenSSH's client closes without a word.",
		ES: "Antes de que se cifrara nada, un lado de una conexión SSH envió DISCONNECT, con un código y un texto propios: un cliente que no se fía de la clave del servidor, un servidor que no acepta más conexiones, un mensaje que no se entiende. No todos los programas lo dicen; el cliente de OpenSSH cierra sin decir nada.",
	},
	Source: "RFC 4253, section 11.1",
	Needs:  lang.Text{EN: "a capture with the key exchange", ES: "una captura con el intercambio de claves"},
	Wants:  []*Want{wantSSHLogins},
	Refuters: []lang.Text{
		{EN: "the connection logged in all the same", ES: "la conexión inició sesión a pesar de todo"},
	},
	Check: checkSSHDisconnected,
}

func checkSSHDisconnected(c *Case, r *Rule) []Finding {
	var found batches
	for _, j := range c.Journeys {
		s := j.SSH
		if s == nil || !s.Disconnect.Seen() || s.NoCommon != "" || s.Auth == "success" {
			continue // ssh-no-common-algorithm
		}
		key := j.Client.Addr().String() + " " + j.Server.String() + " " + s.DisconnectBy.String() + " " + s.DisconnectReason + " " + s.DisconnectText
		found.add(key, hit{journey: j, lost: j.Total(), evidence: append(phaseFrames(j, string(pcapflow.SSHKex)), journeyLines(j)...)})
	}
	return found.telling(Error, High, func(b *batch, f *Finding) {
		j := f.Journeys[0]
		by, other := j.Client.Addr().String(), j.Server.String()
		if j.SSH.DisconnectBy == pcapflow.Server {
			by, other = other, by
		}
		f.Text = c.say(lang.Text{
			EN: "%s ended the SSH key exchange with %s, %d time{|s}, and said why: %s",
			ES: "%s terminó el intercambio de claves SSH con %s, %d {vez|veces}, y dijo por qué: %s",
		}, by, other, len(b.hits), c.farewell(j.SSH))
		f.Refuters = c.doubts(r, notFound)
	})
}

// farewell is what a DISCONNECT says.
func (c *Case) farewell(s *pcapflow.SSH) string {
	const longest = 80 // characters
	words := s.DisconnectReason
	if words == "" {
		words = c.say(lang.Text{EN: "a code that nobody defined", ES: "un código que nadie definió"})
	}
	if s.DisconnectText != "" {
		words += " (" + shorten(s.DisconnectText, longest) + ")"
	}
	return words + "."
}
