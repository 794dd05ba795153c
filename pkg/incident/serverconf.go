package incident

import (
	"strings"

	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// configured is the format that a configuration of a log's host gives for its
// name; from is that configuration, nil if there is none.
func configured(items []*item, it *item) (template string, from *item) {
	for _, other := range items {
		if other.config == nil || other.folder != it.folder {
			continue
		}
		if t := other.config.Template(it.file.Path); t != "" && logparse.CheckTemplate(t) == nil {
			return t, other
		}
	}
	return "", nil
}

// recogniseConfigured takes files that no format fits for access logs where a
// configuration names them: their format is their owner's own.
func recogniseConfigured(items []*item) {
	for _, it := range items {
		if it.format != nil || it.file.Kind != Unrecognised || it.file.Bytes == 0 && it.stream == nil {
			continue
		}
		_, from := configured(items, it)
		if from == nil {
			continue
		}
		it.format = logparse.ByName(from.config.Server + "-access")
		it.file.Kind = it.format.EvidenceKind()
		it.file.Reason = "named in " + from.file.Path
		kept := it.file.Problems[:0]
		for _, p := range it.file.Problems {
			if !strings.HasPrefix(p.Text, "of unknown kind") {
				kept = append(kept, p)
			}
		}
		it.file.Problems = kept
	}
}

// useConfig has an access log read by the format that a configuration of its
// host gives for its name.
func (it *item) useConfig(items []*item, src *logparse.Source) {
	switch it.format.Name {
	case "access-log", "nginx-access", "apache-access", "custom-access":
	default:
		return
	}
	if template, from := configured(items, it); from != nil {
		src.Template, src.Server = template, from.config.Server
		it.file.Kind = src.Server + "-access"
		it.file.Reason += "; read by the format in " + from.file.Path
	}
}
