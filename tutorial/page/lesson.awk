# A lesson as pandoc is to have it: what walk does not show is gone; commands, exercises and pictures
# become HTML. -v dir= is where the pictures are.
function html(s) {
	gsub(/&/, "\\&amp;", s)
	gsub(/</, "\\&lt;", s)
	gsub(/>/, "\\&gt;", s)
	return s
}
# A line of output, in which placeholders are set apart.
function output(s, out, what) {
	s = html(s)
	while (match(s, /&lt;(([A-Za-z_][A-Za-z0-9_]*=)?(\.\.|num|hex|size|time|word|[-0-9.]+\.\.[-0-9.]+)|\$[A-Za-z_]+)&gt;/)) {
		what = substr(s, RSTART + 4, RLENGTH - 8)
		sub(/^.*=/, "", what)
		out = out substr(s, 1, RSTART - 1) "<i>" (what == ".." ? "…" : what) "</i>"
		s = substr(s, RSTART + RLENGTH)
	}
	return out s
}
# What a block needs that a reader may not have.
function need_of(s, words) {
	if (s !~ /needs=/)
		return ""
	sub(/.*needs=/, "", s)
	sub(/ .*/, "", s)
	words = ""
	if (s ~ /(^|,)root/) words = "root"
	if (s ~ /cg1-/) words = words (words ? ", " : "") "cgroup v1"
	if (s ~ /cg2-/) words = words (words ? ", " : "") "cgroup v2"
	if (s ~ /(^|,)swap/) words = words (words ? ", " : "") "swap"
	if (s ~ /docker/) words = "the docker command"
	return words
}
# What was held back in case a picture follows.
function release() {
	printf "%s", held
	held = ""
}
function details(summary, body) {
	return "<details><summary>" summary "</summary><pre>" html(body) "</pre></details>"
}
function raw(s) {
	print "\n```{=html}\n" s "\n```\n"
}
# The drawing of a line "(Picture: [x.svg](x.svg).)", and the one in ASCII before it as its text.
function picture(line, file, svg, part) {
	file = line
	sub(/^.*\]\(/, "", file)
	sub(/\).*/, "", file)
	while ((getline part < (dir "/" file)) > 0)
		if (part !~ /^<[?!]/)
			svg = svg part "\n"
	if (svg == "") {
		release()
		return
	}
	raw("<figure>" svg details("the same as text", held) "</figure>")
	held = ""
}
mode == "hidden" && /^-->/ {
	mode = ""
	if (solution)
		raw(details("Solution", block))
	next
}
mode == "hidden" { block = block $0 "\n"; next }
mode == "console" {
	if (/^```/) {
		mode = ""
		raw("<pre class=\"console" (fails ? " fails" : "") (instead ? " else" : "") "\"" (needs ? " data-needs=\"" needs "\"" : "") ">" block "</pre>")
	} else if (/^\$ / || (/^> / && command)) {
		command = 1
		block = block "<b>" html($0) "</b>\n"
	} else {
		command = 0
		if (/^\\/)
			sub(/^\\/, "")
		block = block output($0) "\n"
	}
	next
}
mode == "check" {
	if (!/^```/) {
		block = block $0 "\n"
		next
	}
	mode = ""
	raw(details("Hint", hint) details("How it is checked", block))
	next
}
mode == "other" { if (/^```/) mode = ""; print; next }
/^    / || (held != "" && /^$/) { held = held $0 "\n"; next }
/^\(Picture: / { picture($0); next }
{ release() }
/^```console/ { mode = "console"; block = ""; command = 0; fails = / fails/; instead = / else/; needs = need_of($0); next }
/^```sh exercise/ { mode = "check"; block = ""; hint = $0; sub(/.*hint=/, "", hint); next }
/^```/ { mode = "other"; print; next }
/^<!-- (setup|cleanup|solution)/ { mode = "hidden"; block = ""; solution = /solution/; next }
/^<!--.*-->/ { next }
/^<!--/ { mode = "hidden"; solution = 0; next }
{ print }
END { release() }
