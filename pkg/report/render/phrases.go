package render

import (
	"regexp"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/lang"
)

// phrases are what the rooms below say in English about files, phases, clocks
// and lines: they know no languages. "%" stands for what changes; what stands
// for it is a phrase, too, where it is one.
var phrases = []lang.Text{
	// phases
	{EN: "connection reused", ES: "conexión reutilizada"},
	{EN: "name cached", ES: "nombre en caché"},
	{EN: "name cached or not captured", ES: "nombre en caché o no capturado"},
	{EN: "capture began later", ES: "la captura empezó después"},
	// lines without a journey
	{EN: "outside the capture", ES: "fuera de la captura"},
	{EN: "no journey fits what the client printed", ES: "ningún recorrido encaja con lo que escribió el cliente"},
	{EN: "no such query of this client at that time", ES: "ninguna consulta así de este cliente a esa hora"},
	{EN: "no such query of this client was seen", ES: "no se vio ninguna consulta así de este cliente"},
	{EN: "no request of this client at that time", ES: "ninguna petición de este cliente a esa hora"},
	{EN: "no request of this client was seen", ES: "no se vio ninguna petición de este cliente"},
	{EN: "no flow of this client", ES: "ningún flujo de este cliente"},
	// clocks
	{EN: "no evidence bears on it", ES: "ninguna prueba habla de él"},
	{EN: "only % lines find a partner", ES: "sólo % líneas hallan pareja"},
	// what files were taken for
	{EN: "% of the first % lines read as %", ES: "% de las primeras % líneas se leen como %"},
	{EN: "begins with the magic number of %", ES: "empieza con el número mágico de %"},
	{EN: "lines of labels, client randoms and secrets", ES: "líneas de etiquetas, aleatorios de cliente y secretos"},
	{EN: "as the case file says", ES: "según dice el archivo del caso"},
	{EN: "it is empty", ES: "está vacío"},
	{EN: "begins like a compressed file", ES: "empieza como un archivo comprimido"},
	// what could not be read
	{EN: "the file is empty", ES: "el archivo está vacío"},
	{EN: "the capture holds no packet", ES: "la captura no contiene ningún paquete"},
	{EN: "nothing in it tells of an event", ES: "nada en él habla de un evento"},
	{EN: "of unknown kind: %", ES: "de tipo desconocido: %"},
	{EN: "not evidence that can be read: %", ES: "no es una prueba que se pueda leer: %"},
	{EN: "nothing in it can be unpacked: %", ES: "nada en él se puede descomprimir: %"},
	{EN: "there is no standard input here", ES: "aquí no hay entrada estándar"},
	{EN: "not a regular file (%)", ES: "no es un archivo corriente (%)"},
	{EN: "the same, byte by byte, as %: counted once", ES: "igual, byte a byte, que %: se cuenta una vez"},
	{EN: "only the first % bytes are read", ES: "sólo se leen los primeros % bytes"},
	{EN: "a line of % bytes that is no key", ES: "una línea de % bytes que no es una clave"},
	{EN: "only its first % events are used: % more are of the same time", ES: "sólo se usan sus primeros % eventos: hay % más de la misma hora"},
	{EN: "% of its events lie outside the time of the other evidence and are not used", ES: "% de sus eventos quedan fuera del tiempo de las demás pruebas y no se usan"},
	{EN: "% of its events are % or more away from the other evidence and are not used", ES: "% de sus eventos distan % o más de las demás pruebas y no se usan"},
	{EN: "its lines state no year, and no other evidence tells it: they have no time", ES: "sus líneas no dicen el año, y ninguna otra prueba lo dice: no tienen hora"},
	{EN: "its lines state no year, and no year puts them into the time of the other evidence: they have no time", ES: "sus líneas no dicen el año, y ningún año las lleva al tiempo de las demás pruebas: no tienen hora"},
	{EN: "% (and % lines behind it)", ES: "% (y % líneas detrás)"},
	{EN: "% further problems", ES: "% problemas más"},
	{EN: "a journal entry that cannot be read", ES: "una entrada de journal que no se puede leer"},
	{EN: "% journal entries: those behind the first % are not read", ES: "% entradas de journal: no se leen las que siguen a las primeras %"},
	{EN: "%: the file ends after % bytes of it", ES: "%: el archivo acaba tras % bytes suyos"},
	{EN: "truncated record", ES: "registro cortado"},
	{EN: "%: % bytes skipped to the next block", ES: "%: se saltan % bytes hasta el bloque siguiente"},
	{EN: "%, and no block behind it: the last % bytes are not read", ES: "%, y ningún bloque detrás: no se leen los últimos % bytes"},
	{EN: "no record here: % bytes skipped to the next one", ES: "aquí no hay ningún registro: se saltan % bytes hasta el siguiente"},
	{EN: "no record here and none behind: the last % bytes are not read", ES: "aquí no hay ningún registro, ni detrás: no se leen los últimos % bytes"},
	{EN: "a record that claims % bytes and has %: the next one begins there", ES: "un registro que dice tener % bytes y tiene %: ahí empieza el siguiente"},
	{EN: "a section header without room for its fields", ES: "una cabecera de sección sin sitio para sus campos"},
	{EN: "section of version %: read as 1.0", ES: "sección de versión %: leída como 1.0"},
	{EN: "version % is unknown: read as 2.4", ES: "la versión % es desconocida: leída como 2.4"},
	{EN: "the file ends too early", ES: "el archivo acaba antes de tiempo"},
	{EN: "permission denied", ES: "permiso denegado"},
	{EN: "no such file or directory", ES: "no existe el archivo o carpeta"},
	{EN: "not a capture file (pcap or pcapng)", ES: "no es un archivo de captura (pcap o pcapng)"},
	{EN: "what follows is not packed the same way", ES: "lo que sigue no está comprimido igual"},
	{EN: "unpacks to more than the limit", ES: "descomprimido supera el límite"},
	{EN: "internal error, please report it: %", ES: "error interno, le rogamos que lo comunique: %"},
	// flows
	{EN: "request is not HTTP", ES: "la petición no es HTTP"},
	{EN: "not decrypted: the key log has no secret", ES: "sin descifrar: el registro de claves no tiene el secreto"},
}

// phraseForms are the phrases as patterns, the longest ones first met.
var phraseForms = func() []*regexp.Regexp {
	out := make([]*regexp.Regexp, len(phrases))
	for i, p := range phrases {
		parts := strings.Split(p.EN, "%")
		for k := range parts {
			parts[k] = regexp.QuoteMeta(parts[k])
		}
		out[i] = regexp.MustCompile("^" + strings.Join(parts, "(.+?)") + "$")
	}
	return out
}()

// Phrase gives a phrase of the rooms below in the reader's language; what is
// none stands as it is.
func Phrase(s string, l lang.Lang) string {
	if l == lang.EN || len(s) > 2000 {
		return s
	}
	for i, form := range phraseForms {
		m := form.FindStringSubmatch(s)
		if m == nil {
			continue
		}
		out := phrases[i].In(l)
		for _, part := range m[1:] {
			out = strings.Replace(out, "%", strings.ReplaceAll(Phrase(part, l), "%", "\x00"), 1)
		}
		return strings.ReplaceAll(out, "\x00", "%")
	}
	if head, rest, ok := strings.Cut(s, "; "); ok { // several reasons in a row
		return Phrase(head, l) + "; " + Phrase(rest, l)
	}
	return s
}

func (d *layout) phrase(s string) string { return Phrase(s, d.l) }
