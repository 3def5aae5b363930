#!/usr/bin/env bats
# The cases of tests/dfile: Dockerfiles and the images they make.
load helpers
load dfile/cases

setup_file() { tb_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	tb_setup
	requires root overlay dfile-build
	make_root "$T/base"
	tar -C "$T/base" --numeric-owner -c . | img-import --env A=base --cmd '["/bin/sh"]' base >/dev/null
}
teardown() { tb_teardown; }

@test "files: COPY and ADD" { cases_hold 'copy-*'; }
@test "what runs: RUN, SHELL, USER, WORKDIR" { cases_hold 'run-*'; }
@test "variables: ARG and ENV" { cases_hold 'var-*'; }
@test "the config: CMD, ENTRYPOINT, LABEL, EXPOSE, VOLUME, HEALTHCHECK, STOPSIGNAL, ONBUILD" { cases_hold 'config-*'; }
@test "stages" { cases_hold 'stage-*'; }
@test "lines and here-documents" { cases_hold 'lines-*'; }
@test "what is refused" { cases_hold 'bad-*'; }
