# shellcheck shell=bash
# What the tests of the cgroup tools share.

# cg_setup_file: looks once where the trees are, for what follows asks often, and a fork is dear where
# the machine is an emulated one.
cg_setup_file() {
	local name
	tb_setup_file
	CG_ROOTS=$(awk '/ - cgroup2? /{ print $5 }' /proc/self/mountinfo)
	export CG_ROOTS
	for name in memory cpu cpuset pids blkio io freezer unified; do
		export "CG_DIR_$name=$(cg_dir "$name")" "CG_VERSION_$name=$(cg_version "$name")"
	done
}

# value CONTROLLER NAME V1FILE V2FILE: what the file of the group says, in the version it is in.
value() {
	local dir=CG_DIR_$1 version=CG_VERSION_$1 text
	if [[ ${!version} == 1 ]]; then
		text=$(<"${!dir}/$2/$3")
	else
		text=$(<"${!dir}/$2/$4")
	fi
	echo "$text"
}

# all_limits NAME: what the files say that cg-set writes, in any version.
all_limits() {
	group_dirs "$1" | while read -r dir; do
		grep -s . "$dir"/{memory.{limit_in_bytes,memsw.limit_in_bytes,max,high,swap.max},pids.max} \
			"$dir"/{cpu.{cfs_quota_us,shares,max,weight},cpuset.{cpus,mems}} || :
	done
}

# io_name: of the controller of disks.
io_name() {
	[[ $CG_VERSION_blkio == 1 && $CG_DIR_blkio ]] && echo blkio || echo io
}

# first_disk: a whole disk that takes limits.
first_disk() {
	local disk
	for disk in /sys/block/{vd,sd,nvme,xvd,zram,loop}*; do
		[[ -e $disk/dev ]] || continue
		echo "${disk##*/}"
		return
	done
	return 1
}

# group_dirs NAME: its directories in all trees, in the order in which they are mounted.
group_dirs() {
	local root
	while read -r root; do
		[[ ! -d $root/$1 ]] || echo "$root/$1"
	done <<<"$CG_ROOTS"
}

# end_groups: whatever the test made, also where it failed half-way.
end_groups() {
	local root dir
	while read -r root; do
		for dir in "$root/$TB_NAME"-*; do
			[[ ! -d $dir ]] || cg-rm --kill "${dir##*/}" || :
		done
	done <<<"$CG_ROOTS"
}

# in_background CMD…: its output where the caller's goes, nothing of bats' kept open.
in_background() {
	"$@" </dev/null 3>&- &
}

# members NAME: the processes in the group (not below), in the tree that counts them.
members() {
	cat "$CG_DIR_pids/$1/cgroup.procs"
}

# only_v2: in a mount namespace of one's own, takes all v1 trees away. $v2 is what remains.
only_v2() {
	mount --make-rprivate /
	awk '/ - cgroup /{ print $5 }' /proc/self/mountinfo | while read -r root; do umount "$root"; done
	# shellcheck disable=SC2034 # for the caller
	v2=$(awk '/ - cgroup2 /{ print $5; exit }' /proc/self/mountinfo)
}
