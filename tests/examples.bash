# shellcheck shell=bash
# Where the examples of --help run: common.bats runs each tool's as one script of sh -e, in an empty
# directory, in mount, network and UTS namespaces of their own, with an image store of their own.
# Names that would show on the host are replaced first: the group `web` of cg-* is a group of this
# test.
#
#   before_TOOL   makes what the examples of TOOL start from (dashes are underscores)
#   after_TOOL    takes away what no namespace ends: groups
#   needs_TOOL    prints words for `requires`
#
# A tool without these functions needs nothing. Others of its family may share them by an alias.

# example_names TOOL: the name of the test's group for `web`, and for that word alone.
example_names() {
	[[ $1 == cg-* ]] || { cat; return; }
	sed -E "s/(^|[^[:alnum:]_-])web([^[:alnum:]_-]|\$)/\1$TB_NAME-web\2/g"
}

# ---- groups ----

before_cg() { cg-create "$TB_NAME-web" >/dev/null; }
after_cg() { cg-rm --kill "$TB_NAME-web" 2>/dev/null || :; }
needs_cg() { echo root cg-memory cg-cpu cg-pids; }

needs_cg_create() { needs_cg; }
after_cg_create() { after_cg; }
for tool in cg_set cg_exec cg_freeze cg_rm cg_stat; do
	eval "before_$tool() { before_cg; }; after_$tool() { after_cg; }; needs_$tool() { needs_cg; }"
done

# ---- networks: in the network namespace and the empty /run of the example ----

before_br_attach() { br-setup --subnet 10.99.7.0/24 br-example >/dev/null; }
before_br_detach() { before_br_attach; }
before_br_publish() { before_br_attach && br-attach br-example web >/dev/null; }
for tool in br_setup br_attach br_detach br_publish; do
	eval "needs_$tool() { echo nft; }"
done

# ---- images: a store of the example's own ----

# Layers of an ordinary user have owners that only he has, where he is root.
drop_store() { rootless-exec -- rm -rf "$TACKLEBOX_ROOT"; }
before_img() {
	make_root rootfs
	tar -C rootfs -c . | img-import --cmd '["/bin/sh"]' example >/dev/null
}
before_img_import() { make_root rootfs; }
before_dfile_build() { before_img; }
needs_dfile_build() { echo root overlay cg; }
before_squash() {
	before_img
	echo further >"more" && tar -c more | img-commit --parent example example >/dev/null
}
before_img_commit() { before_img && mkdir up && echo new >up/file; }
before_img_load() { before_img && img-save example >example.tar && drop_store; }
for tool in img_config img_layers img_ls img_save img_tag img_rm img_gc img_tree img_history img_inspect; do
	eval "before_$tool() { before_img; }"
done
unset tool

# A registry on the loopback of the example's own network namespace, with the image in it.
needs_img_pull() { echo docker-registry skopeo; }
start_registry() {
	cat >registry.yml <<-END
		version: 0.1
		storage: {filesystem: {rootdirectory: $PWD/registry}}
		http: {addr: "localhost:5000"}
	END
	OTEL_TRACES_EXPORTER=none docker-registry serve registry.yml >registry.log 2>&1 &
	echo $! >registry.pid
}
before_img_pull() {
	start_registry
	before_img && wait_for skopeo copy -q --dest-tls-verify=false "oci:$TACKLEBOX_ROOT/images:docker.io/library/example:latest" \
		docker://localhost:5000/example:1 && drop_store
}
after_img_pull() { kill "$(<registry.pid)"; }
needs_img_remote() { needs_img_pull; }
before_img_remote() { before_img_pull; }
after_img_remote() { after_img_pull; }
needs_img_search() { needs_img_pull; }
before_img_search() { before_img_pull; }
after_img_search() { after_img_pull; }
needs_img_auth() { echo docker-registry curl; }
before_img_auth() { start_registry && wait_for curl -fs -o /dev/null http://localhost:5000/v2/; }
after_img_auth() { after_img_pull; }
needs_img_push() { echo docker-registry curl; }
before_img_push() { start_registry && before_img && wait_for curl -fs -o /dev/null http://localhost:5000/v2/; }
after_img_push() { after_img_pull; }

# ---- files that the examples read ----

# Its tar holds a file of root's: the one id of a user's namespace here is the user.
needs_ufs_apply() { echo root; }
before_oci_args() {
	mkdir mybundle
	echo '{"ociVersion": "1.0.2", "root": {"path": "rootfs"}, "process": {"cwd": "/", "args": ["sh"],
		"user": {"uid": 0, "gid": 0}}, "linux": {"namespaces": [{"type": "mount"}]}}' >mybundle/config.json
}

# Boxes: one called example, of an image called example.
before_box() { before_img && box-create --name example --network none example sleep 100 >/dev/null; }
running_box() { before_box && box-start example >/dev/null; }
after_box() { box-ps -aq | xargs -r box-rm -fv >/dev/null; }
needs_box() { echo root overlay; }
for tb_tool in create run start end stop kill restart pause unpause exec port update rename rm inspect ps \
	logs attach wait top cp diff commit export events resize stats health; do
	eval "needs_box_$tb_tool() { needs_box; }; after_box_$tb_tool() { after_box; }"
	case $tb_tool in
	create | run) eval "before_box_$tb_tool() { before_img; }" ;;
	# They stay until the box has ended.
	start) before_box_start() { before_img && box-create --name example --network none example sleep 1 >/dev/null; } ;;
	attach) before_box_attach() { before_img && box-run -d --name example --network none example sleep 2 >/dev/null; } ;;
	stop | kill | restart | pause | exec | port | top | resize | stats) eval "before_box_$tb_tool() { running_box; }" ;;
	health) before_box_health() { before_img && box-run -d --name example --network none --health-cmd true example sleep 1 >/dev/null; } ;;
	unpause) before_box_unpause() { running_box && box-pause example >/dev/null; } ;;
	*) eval "before_box_$tb_tool() { before_box; }" ;;
	esac
done
unset tb_tool
needs_vol() { echo root; }
after_vol() { vol-prune --all >/dev/null; }
before_vol_inspect() { vol-create data >/dev/null; }
before_vol_rm() { vol-create data >/dev/null; }
for tb_tool in create ls inspect rm prune; do
	eval "needs_vol_$tb_tool() { needs_vol; }; after_vol_$tb_tool() { after_vol; }"
done
unset tb_tool
needs_net() { echo root overlay nft; }
before_net() { net-create back >/dev/null; }
after_net() { after_box && net-prune >/dev/null; }
for tb_tool in create ls inspect connect disconnect rm prune; do
	eval "needs_net_$tb_tool() { needs_net; }; after_net_$tb_tool() { after_net; }"
	case $tb_tool in
	create | ls) ;;
	connect | disconnect) eval "before_net_$tb_tool() { bridge_box && before_net; }" ;;
	*) eval "before_net_$tb_tool() { before_net; }" ;;
	esac
done
unset tb_tool
bridge_box() { before_img && box-create --name example example sleep 100 >/dev/null; }
needs_tb_df() { needs_box; }
before_tb_df() { before_box; }
after_tb_df() { after_box; }
needs_tb_prune() { needs_box; }
before_tb_prune() { before_box; }
after_tb_prune() { after_box; }

# Its sockets are what the example has no room to make.
needs_rootless_exec() { echo userns; }
