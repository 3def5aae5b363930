#!/bin/bash
# lessons.sh [LESSON...]: holds the lessons to the measure that tutorial/FORMAT.md sets. Prints each
# breach, with the file; status 1 if there is one.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2
(($#)) || set -- tutorial/[0-9][0-9]-*.md

awk '
function breach(what) { print FILENAME ": " what; bad = 1 }
# What was found of a lesson, once it is read.
function judge() {
	if (words > 900) breach(words " words")
	if (steps < 3 || steps > 8) breach(steps " steps")
	if (pictures != 1) breach(pictures + 0 " diagrams")
	if (ahas != 1) breach(ahas + 0 " ahas")
	if (exercises != 1) breach(exercises + 0 " exercises")
	if (!fails) breach("no failure is shown")
	if (since != 1) breach("no section \"Since 2015\"")
	# One lesson reads a script instead, all of it.
	if (c != 1 && !(c == 0 && script == script_end && script_end > 0)) breach(c + 0 " C functions, and no script to its end")
	words = steps = pictures = ahas = exercises = fails = since = c = script = script_end = 0
}
FNR == 1 && NR > 1 { filename = FILENAME; FILENAME = last; judge(); FILENAME = filename }
FNR == 1 { mode = ""; last = FILENAME }

mode == "hidden" { if (/^-->/) mode = ""; next }
mode == "quoted" { if (/^```/) mode = ""; next }
mode == "check" { if (/^```/) mode = ""; next }
mode == "console" {
	if (/^```/) {
		if (commands > 2) breach("line " start ": " commands " commands in a step")
		mode = ""
	}
	if (/^\$ /) commands++
	if (/^[$>] / && length($0) > 112) breach("line " FNR ": a command of " length($0) " columns")
	words += NF
	next
}

/^<!-- source tutorial\/.*#[0-9]+-[0-9]+ -->/ {
	split($3, part, "[#-]")
	if (part[2] != script + 1) breach("line " FNR ": the script goes on at its line " script + 1)
	script = part[3]
	script_end = 0
	while ((getline text < part[1]) > 0) script_end++
	close(part[1])
	next
}
/^<!-- source .*\.c#/ { c++; next }
/^<!-- .* -->$/ { next }
/^<!--/ { mode = "hidden"; next }
/^```console/ { mode = "console"; start = FNR; commands = 0; steps += !/ else/; fails += / fails/; next }
/^```sh exercise/ { mode = "check"; exercises++; next }
/^```/ { mode = "quoted"; next }
/^\(Picture: / { pictures++; next }
/\*\*Aha:\*\*/ { ahas++ }
/^## Since 2015$/ { since++ }
/^## Failure/ { }
length($0) > 120 && !/^    / { breach("line " FNR ": longer than 120 columns") }
{ words += NF }
END { judge(); exit bad }' "$@" || exit 1

for lesson; do
	picture=${lesson%.md}.svg
	for part in title desc; do
		grep -q "<$part" "$picture" || { echo "$picture: no $part" && bad=1; }
	done
done
exit "${bad-0}"
