package diagnose

import (
	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
)

var captureLost = Rule{
	Name: "capture-lost-packets", Family: "gate",
	Title: lang.Text{EN: "The capture itself lost packets", ES: "La propia captura perdió paquetes"},
	Doc: lang.Text{
		EN: "Bytes were acknowledged that the capture never held, or the capture counts drops, or packets were cut short. What looks like loss may be the capture's: figures of loss are upper bounds, and a few answers that do not show are worth a note alone.",
		ES: "Se confirmaron bytes que la captura nunca tuvo, o la captura cuenta descartes, o los paquetes se cortaron. Lo que parece pérdida puede ser de la captura: las cifras de pérdidas son cotas superiores, y unas pocas respuestas que no se ven solo merecen una nota.",
	},
	Source:     "pcapng, Interface Statistics Block; tcpdump(8), packets dropped by kernel",
	Needs:      lang.Text{EN: "a capture", ES: "una captura"},
	Wants:      []*Want{wantCapture},
	Thresholds: []*Threshold{ownGaps},
	Refuters: []lang.Text{
		{EN: "every acknowledged byte is in the capture", ES: "todo byte confirmado está en la captura"},
	},
	Check: checkCaptureLost,
}

func checkCaptureLost(c *Case, r *Rule) []Finding {
	var out []Finding
	for _, k := range c.Incident.Captures {
		var unseen, dropped int64
		for _, f := range k.Flows {
			if f.Conn != nil {
				unseen += f.Conn.Count[0].AckedUnseen + f.Conn.Count[1].AckedUnseen
			}
		}
		for _, i := range k.Interfaces {
			dropped += max(i.Dropped, 0)
		}
		if unseen == 0 && dropped == 0 {
			continue
		}
		f := Finding{Severity: Note, Confidence: High, Evidence: captureFiles(k)}
		f.Text = c.say(lang.Text{
			EN: "%s missed packets: %d bytes were acknowledged that it never held, %d packets are counted as dropped; figures of loss are upper bounds.",
			ES: "A %s le faltan paquetes: se confirmaron %d bytes que nunca tuvo, y cuenta %d paquetes descartados; las cifras de pérdidas son cotas superiores.",
		}, k.Files[0].Path, unseen, dropped)
		f.Refuters = []Refuter{{Text: r.Refuters[0].In(c.Lang), Status: "not-found"}}
		out = append(out, f)
	}
	return out
}

// captureFiles points to the files of a capture as a whole.
func captureFiles(k *incident.Capture) []Evidence {
	var out []Evidence
	for _, f := range k.Files {
		out = append(out, Evidence{File: f})
	}
	return out
}

var captureDuplicates = Rule{
	Name: "capture-duplicates", Family: "gate",
	Title: lang.Text{EN: "The capture holds packets twice", ES: "La captura tiene paquetes repetidos"},
	Doc: lang.Text{
		EN: "The same packets (same IP ID and bytes) stand in the capture more than once: a mirror port, an any-interface capture, a bridge, or a network that duplicates. The copies were removed before anything was counted; they are no retransmissions.",
		ES: "Los mismos paquetes (mismo identificador IP y bytes) están en la captura más de una vez: un puerto espejo, una captura en todas las interfaces, un puente, o una red que duplica. Las copias se quitaron antes de contar nada; no son retransmisiones.",
	},
	Source: "RFC 6864, section 4",
	Needs:  lang.Text{EN: "a capture", ES: "una captura"},
	Wants:  []*Want{wantCapture},
	Refuters: []lang.Text{
		{EN: "the IP ID differs and the distance is a retransmission timeout", ES: "el identificador IP difiere y la distancia es la de un tiempo de retransmisión"},
	},
	Check: checkCaptureDuplicates,
}

func checkCaptureDuplicates(c *Case, r *Rule) []Finding {
	var out []Finding
	for _, k := range c.Incident.Captures {
		copies := k.Duplicates
		for _, f := range k.Flows {
			if f.Conn != nil {
				copies += f.Conn.Count[0].Duplicates + f.Conn.Count[1].Duplicates
			}
		}
		if copies == 0 || k.Packets == 0 {
			continue
		}
		f := Finding{Severity: Note, Confidence: High, Evidence: captureFiles(k)}
		f.Text = c.say(lang.Text{
			EN: "Copies of packets (same IP ID and bytes): %d of %d of %s; retransmissions were counted without them.",
			ES: "Copias de paquetes (mismo identificador IP y bytes): %d de %d de %s; las retransmisiones se contaron sin ellas.",
		}, copies, k.Packets, k.Files[0].Path)
		f.Refuters = []Refuter{{Text: r.Refuters[0].In(c.Lang), Status: "not-found"}}
		out = append(out, f)
	}
	return out
}

var captureOffload = Rule{
	Name: "capture-offload", Family: "gate",
	Title: lang.Text{EN: "Captured before segmentation", ES: "Captura tomada antes de segmentar"},
	Doc: lang.Text{
		EN: "Segments are larger than the path allows, or checksums are wrong in one direction: the capture was taken on a host whose network card segments and sums. Packet counts and pacing are not those of the wire; nothing is wrong with the traffic.",
		ES: "Hay segmentos mayores de lo que admite el camino, o sumas erróneas en una dirección: la captura se tomó en un equipo cuya tarjeta de red segmenta y suma. Los recuentos y el ritmo no son los del cable; el tráfico no tiene nada malo.",
	},
	Source: "Linux, Documentation/networking/segmentation-offloads",
	Needs:  lang.Text{EN: "a capture", ES: "una captura"},
	Wants:  []*Want{wantCapture},
	Refuters: []lang.Text{
		{EN: "segments are no larger than the MSS and checksums are right in both directions", ES: "los segmentos no superan el MSS y las sumas son correctas en ambas direcciones"},
	},
	Check: checkCaptureOffload,
}

func checkCaptureOffload(c *Case, _ *Rule) []Finding {
	var out []Finding
	for _, k := range c.Incident.Captures {
		if k.Offload[0]+k.Offload[1] == 0 && k.BadSums == 0 {
			continue
		}
		out = append(out, Finding{Severity: Info, Confidence: High, Evidence: captureFiles(k), Text: c.say(lang.Text{
			EN: "%s was taken before the network card's work: %d segments larger than the MSS, %d checksums not yet filled in.",
			ES: "%s se tomó antes del trabajo de la tarjeta de red: %d segmentos mayores que el MSS, %d sumas aún sin calcular.",
		}, k.Files[0].Path, k.Offload[0]+k.Offload[1], k.BadSums)})
	}
	return out
}

var capturePartial = Rule{
	Name: "capture-partial", Family: "gate",
	Title: lang.Text{EN: "Connections seen in part", ES: "Conexiones vistas en parte"},
	Doc: lang.Text{
		EN: "Connections without a handshake in the capture, or with one direction only: round trip and connect time are not evaluable for them.",
		ES: "Conexiones sin establecimiento en la captura, o con una sola dirección: su ida y vuelta y su tiempo de conexión no son evaluables.",
	},
	Source: "RFC 9293",
	Needs:  lang.Text{EN: "a capture", ES: "una captura"},
	Wants:  []*Want{wantCapture},
	Refuters: []lang.Text{
		{EN: "the SYN is in another file of the set", ES: "el SYN está en otro archivo del conjunto"},
	},
	Check: checkCapturePartial,
}

func checkCapturePartial(c *Case, r *Rule) []Finding {
	var out []Finding
	for _, k := range c.Incident.Captures {
		midway, oneWay := 0, 0
		for _, f := range k.Flows {
			if f.Conn == nil {
				continue
			}
			if len(f.Conn.SYN)+len(f.Conn.SYNACK) == 0 {
				midway++
			}
			if f.Payload[0]+f.Payload[1] > 0 && (f.Packets[0] == 0 || f.Packets[1] == 0) {
				oneWay++
			}
		}
		if midway+oneWay == 0 {
			continue
		}
		f := Finding{Severity: Info, Confidence: High, Evidence: captureFiles(k)}
		f.Text = c.say(lang.Text{
			EN: "In %s, %d connections begin before the capture and %d are seen in one direction only: their connect time is not evaluable.",
			ES: "En %s, %d conexiones empiezan antes que la captura y %d se ven en una sola dirección: su tiempo de conexión no es evaluable.",
		}, k.Files[0].Path, midway, oneWay)
		f.Refuters = []Refuter{{Text: r.Refuters[0].In(c.Lang), Status: "not-found"}}
		out = append(out, f)
	}
	return out
}

var clockUnknown = Rule{
	Name: "clock-unknown", Family: "gate",
	Title: lang.Text{EN: "A clock could not be measured", ES: "Un reloj no se pudo medir"},
	Doc: lang.Text{
		EN: "There is too little evidence, or it contradicts itself, to say how this clock stands against the others. Order within its own files holds; order against other files does not.",
		ES: "Hay muy pocas pruebas, o se contradicen, para decir cómo está este reloj respecto a los demás. El orden dentro de sus archivos vale; el orden frente a otros archivos no.",
	},
	Source: "RFC 5905, section 11",
	Needs:  lang.Text{EN: "files with stamps", ES: "archivos con marcas de tiempo"},
	Wants:  []*Want{wantClocks},
	Refuters: []lang.Text{
		{EN: "three consistent anchors, such as lines with the client's port", ES: "tres anclas coherentes, como líneas con el puerto del cliente"},
	},
	Check: checkClockUnknown,
}

// anchoring is what tells of a clock: what its NTP daemon says, and where a web server
// writes one of its logs also lines with the client's port.
func anchoring(k *correlate.Clock) string {
	const state = "chronyc -n tracking"
	for _, f := range k.Files {
		if s := loggingOf(f.Kind); s != "" {
			return state + "; " + s
		}
	}
	return state
}

func checkClockUnknown(c *Case, r *Rule) []Finding {
	var out []Finding
	for _, k := range c.Clocks {
		if k.Status != clock.Insufficient && k.Status != clock.Ambiguous || len(k.Files) == 0 {
			continue
		}
		f := Finding{Severity: Info, Confidence: NotEvaluable}
		for _, file := range k.Files {
			if file.Records > 0 {
				f.Evidence = append(f.Evidence, Evidence{File: file})
			}
		}
		f.Text = c.say(lang.Text{
			EN: "The clock of %s is not known against the others (%s): order across is not evaluable, order within is.",
			ES: "El reloj de %s no se conoce respecto a los demás (%s): el orden entre archivos no es evaluable, dentro de ellos sí.",
		}, k.Name, lang.Text(k.Why).In(c.Lang))
		f.Refuters = []Refuter{{Text: r.Refuters[0].In(c.Lang), Status: "not-collected", Command: c.onClock(k, anchoring(k))}}
		out = append(out, f)
	}
	return out
}
