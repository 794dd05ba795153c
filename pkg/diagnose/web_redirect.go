package diagnose

import (
	"strings"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var redirectLoop = Rule{
	Name: "redirect-loop", Family: "web",
	Title: lang.Text{EN: "Redirects go in circles", ES: "Las redirecciones dan vueltas"},
	Doc: lang.Text{
		EN: "A request was redirected to where it had come from, in the same way again, until the client gave up: it never got an answer of its own. Two rules of the server contradict one another, or a proxy that ends TLS does not tell the application that the client came by HTTPS.",
		ES: "Una petición fue redirigida a donde ya había estado, otra vez de la misma forma, hasta que el cliente desistió: nunca tuvo una respuesta propia. Dos reglas del servidor se contradicen, o un proxy que termina TLS no le dice a la aplicación que el cliente vino por HTTPS.",
	},
	Source: "RFC 9110, section 15.4",
	Needs:  lang.Text{EN: "a clear or decrypted capture", ES: "una captura en claro o descifrada"},
	Wants:  []*Want{wantResponses},
	Refuters: []lang.Text{
		{EN: "the last of the requests got an answer that points nowhere", ES: "la última de las peticiones tuvo una respuesta que no remite a ningún sitio"},
	},
	Check: checkRedirectLoop,
}

func checkRedirectLoop(c *Case, r *Rule) []Finding {
	var found batches
	words := map[string]string{}
	chains := map[string]int{}
	for _, chain := range c.redirectChains() {
		circle := circleOf(chain)
		if circle == nil {
			continue
		}
		key := chain[0].Client.Addr().String() + " " + strings.Join(paths(circle), " ")
		words[key] = strings.Join(paths(circle), " → ")
		chains[key]++
		for _, j := range chain {
			found.add(key, hit{journey: j, lost: j.Total(), evidence: phaseFrames(j, string(pcapflow.HTTPSend), string(pcapflow.HTTPWait))})
		}
	}
	return found.telling(Error, High, func(b *batch, f *Finding) {
		j := f.Journeys[0]
		f.Text = c.say(lang.Text{
			EN: "%s sent %s in circles, %d time{|s} (%s): %d request{|s}, and no answer of its own.",
			ES: "%s hizo dar vueltas a %s, %d {vez|veces} (%s): %d {petición|peticiones}, y ninguna respuesta propia.",
		}, j.Server, j.Client.Addr(), chains[b.key], words[b.key], len(b.hits))
		f.Refuters = c.doubts(r, notFound)
	})
}

// redirectChains are the journeys that followed from one another by redirects, each list
// in their order.
func (c *Case) redirectChains() (chains [][]*correlate.Journey) {
	next := map[*correlate.Journey]*correlate.Journey{}
	from := map[*correlate.Journey]bool{} // a redirect led to it
	for _, j := range c.Journeys {
		for _, l := range j.Links {
			if l.Kind == "redirect" {
				next[l.Journey], from[j] = j, true
			}
		}
	}
	for _, j := range c.Journeys {
		if next[j] == nil || from[j] {
			continue
		}
		var chain []*correlate.Journey
		for ; j != nil; j = next[j] {
			chain = append(chain, j)
		}
		chains = append(chains, chain)
	}
	return chains
}

// circleOf is the stretch of a chain from a request to where it was sent the same way
// again; nil: there is none, or the chain led out of it.
func circleOf(chain []*correlate.Journey) []*correlate.Journey {
	if x := chain[len(chain)-1].Exchange; x == nil || !x.Redirects() {
		return nil
	}
	seen := map[string]int{}
	for i, j := range chain {
		x := j.Exchange
		key := strings.Join([]string{j.Server.String(), x.Method, x.Host, x.Path, x.Location}, "\n")
		if first, ok := seen[key]; ok {
			return chain[first : i+1]
		}
		seen[key] = i
	}
	return nil
}

// paths of requests, as a sentence can hold them.
func paths(list []*correlate.Journey) (words []string) {
	const longest = 40 // characters
	for _, j := range list {
		words = append(words, shorten(j.Exchange.Path, longest))
	}
	if n := len(words); n > maxNamed {
		words = append(append(words[:maxNamed-1:maxNamed-1], "…"), words[n-1])
	}
	return words
}
