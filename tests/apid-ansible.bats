#!/usr/bin/env bats
# bats file_tags=apid
# apid with Ansible (community.docker): apid-ansible.yml makes things, finds them as they are to be,
# changes what is changed in it, and takes them away.
load helpers
load box_helpers
load apid_helpers

setup_file() { box_setup_file; }
teardown_file() { tb_teardown_file; }
setup() {
	box_setup
	requires nft ansible-playbook
}
teardown() { box_teardown; }

# play FILE VARIABLE…: $changed is what the run has changed.
play() {
	timeout 240 ansible-playbook -i localhost, -e ansible_python_interpreter=/usr/bin/python3 -e "context=$PWD/context" \
		"${@:2}" "$1" >"$T/play" 2>&1 || { tail -n 40 "$T/play"; return 1; }
	changed=$(sed -n 's/^localhost .* changed=\([0-9]*\) .*/\1/p' "$T/play")
}

playbook() {
	local id
	export ANSIBLE_LOCALHOST_WARNING=false ANSIBLE_NOCOWS=1 ANSIBLE_HOME=$T/ansible ANSIBLE_LOCAL_TEMP=$T/ansible/tmp \
		ANSIBLE_REMOTE_TEMP=$T/ansible/tmp LC_ALL=C.UTF-8
	mkdir context
	printf '%s\n' 'FROM bb' 'ARG WHO' 'RUN echo "by $WHO" >/made' >context/Dockerfile
	play "$TB_TESTS/apid-ansible.yml"
	assert_eq 4 "$changed"
	id=$(box-inspect kept | jq -r .Id)
	assert_eq running "$(box-inspect kept | jq -r .State.Status)"
	assert_eq 10.99.7.20 "$(box-inspect kept | jq -r .NetworkSettings.Networks.inner.IPAddress)"
	assert_eq inner "$(box-inspect kept | jq -r '.NetworkSettings.Networks | keys[]')"

	play "$TB_TESTS/apid-ansible.yml"
	[[ $changed == 0 ]] || fail "the second run has changed something: $(cat "$T/play")"
	assert_eq "$id" "$(box-inspect kept | jq -r .Id)"

	# Other limits are set as it runs; another environment is another container.
	sed 's/memory: 64m/memory: 96m/' "$TB_TESTS/apid-ansible.yml" >other.yml
	play other.yml
	assert_eq 1 "$changed"
	assert_eq "$id" "$(box-inspect kept | jq -r .Id)"
	assert_eq $((96 << 20)) "$(box-inspect kept | jq .HostConfig.Memory)"
	sed -i 's/WHO: me,/WHO: you,/' other.yml
	play other.yml
	assert_eq 1 "$changed"
	[[ $id != "$(box-inspect kept | jq -r .Id)" ]]
	assert_eq you "$(box-exec kept sh -c 'echo $WHO')"

	play other.yml -e gone=true
	assert_eq 4 "$changed"
	assert_eq "" "$(box-ps -aq)$(vol-ls -q)$(net-ls -q -f type=custom)"
	play other.yml -e gone=true
	assert_eq 0 "$changed"
}
@test "ansible: a playbook run twice, changed, and taken back" {
	served playbook
}
