package diagnose

import (
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var sshHostKey = Rule{
	Name: "ssh-host-key-changed", Family: "ssh",
	Title: lang.Text{EN: "An SSH server shows another host key", ES: "Un servidor SSH muestra otra clave de equipo"},
	Doc: lang.Text{
		EN: "At one address and port an SSH server showed different host keys of one type, in one capture or in several of the folder. Clients that know the first key refuse the other (\"REMOTE HOST IDENTIFICATION HAS CHANGED\"): where some ended the connection right at the key, it is an error. The server was installed anew, the address went to another machine, several machines share it, or somebody stands between. Keys of different types are not compared, nor are servers on the loopback interface, nor private addresses that no client and no capture have in common.",
		ES: "En una misma dirección y puerto un servidor SSH mostró claves de equipo distintas de un mismo tipo, en una captura o en varias de la carpeta. Los clientes que conocen la primera clave rechazan la otra («REMOTE HOST IDENTIFICATION HAS CHANGED»): donde alguno terminó la conexión justo ante la clave, es un error. El servidor se reinstaló, la dirección pasó a otra máquina, varias la comparten, o hay alguien en medio. No se comparan claves de tipos distintos, ni servidores en la interfaz de bucle, ni direcciones privadas sin un cliente o una captura en común.",
	},
	Source: "RFC 4251, section 4.1",
	Needs:  lang.Text{EN: "captures with two key exchanges of one server", ES: "capturas con dos intercambios de claves de un servidor"},
	Wants:  []*Want{wantSSHLogins},
	Refuters: []lang.Text{
		{EN: "the keys come by turns: several machines answer at this address", ES: "las claves se alternan: varias máquinas responden en esta dirección"},
		{EN: "the server's own keys are those of the first fingerprint", ES: "las claves del propio servidor son las de la primera huella"},
	},
	Check: checkSSHHostKey,
}

func checkSSHHostKey(c *Case, r *Rule) []Finding {
	var out []Finding
	for _, h := range correlate.HostKeysOf(c.Journeys) {
		if !h.Changed() {
			continue
		}
		b := &batch{key: h.Server.String()}
		refused := 0
		for i, k := range h.Keys {
			for n, j := range k.Journeys {
				lost := time.Duration(0)
				if i > 0 && leftAtKey(j.SSH) {
					refused++
					lost = j.Total()
				} else if n > 0 {
					continue // one that shows the key is enough
				}
				b.hits = append(b.hits, hit{journey: j, lost: lost, evidence: frames(j.Points[0].Capture, j.SSH.KexReply.Frame)})
			}
		}
		if refused == 0 && h.ByTurns() {
			continue // several machines at one address, which their clients know
		}
		f := b.finding(Note, Medium)
		first, then := h.Keys[0].SHA256, h.Keys[1].SHA256
		if refused > 0 {
			f.Severity, f.Confidence = Error, High
			f.Text = c.say(lang.Text{
				EN: "%s shows another host key than before (%s: %s, then %s), and %d connection{|s} ended right there: a client that knows the first refuses the other.",
				ES: "%s muestra otra clave de equipo que antes (%s: %s, luego %s), y %d {conexión acabó|conexiones acabaron} justo ahí: un cliente que conoce la primera rechaza la otra.",
			}, h.Server, h.Type, first, then, refused)
		} else {
			f.Text = c.say(lang.Text{
				EN: "%s shows %d host keys of one type (%s: %s, then %s), and the clients went on: it was installed anew, or more than one machine answers there.",
				ES: "%s muestra %d claves de equipo de un tipo (%s: %s, luego %s), y los clientes siguieron: se reinstaló, o responde ahí más de una máquina.",
			}, h.Server, len(h.Keys), h.Type, first, then)
		}
		f.Refuters = c.doubts(r, foundIf(h.ByTurns()), notCollected("SERVER: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"))
		out = append(out, f)
	}
	return out
}

// leftAtKey tells whether the client had the server's key and then went no further.
func leftAtKey(s *pcapflow.SSH) bool {
	return s.KexReply.Seen() && !s.NewKeys[pcapflow.Client].Seen() && !s.ServiceRequest.Seen() && len(s.Rounds) == 0
}
