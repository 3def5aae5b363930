# shellcheck shell=bash
# What the tests of the cgroup tools share.

# value CONTROLLER NAME V1FILE V2FILE: what the file of the group says, in the version it is in.
value() {
	local dir
	dir=$(cg_dir "$1")
	if [[ $(cg_version "$1") == 1 ]]; then
		cat "$dir/$2/$3"
	else
		cat "$dir/$2/$4"
	fi
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
	[[ $(cg_version blkio) == 1 && $(cg_dir blkio) ]] && echo blkio || echo io
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
	awk '/ - cgroup2? /{ print $5 }' /proc/self/mountinfo | while read -r root; do
		[[ ! -d $root/$1 ]] || echo "$root/$1"
	done
}

# end_groups: whatever the test made, also where it failed half-way.
end_groups() {
	local dir
	for dir in $(cd "$(cg_dir pids)" 2>/dev/null && ls -d "$TB_NAME"-* 2>/dev/null); do
		cg-rm --kill "$dir" || :
	done
}

# in_background CMD…: its output where the caller's goes, nothing of bats' kept open.
in_background() {
	"$@" </dev/null 3>&- &
}

# members NAME: the processes in the group (not below), in the tree that counts them.
members() {
	cat "$(cg_dir pids)/$1/cgroup.procs"
}

# only_v2: in a mount namespace of one's own, takes all v1 trees away. $v2 is what remains.
only_v2() {
	mount --make-rprivate /
	awk '/ - cgroup /{ print $5 }' /proc/self/mountinfo | while read -r root; do umount "$root"; done
	# shellcheck disable=SC2034 # for the caller
	v2=$(awk '/ - cgroup2 /{ print $5; exit }' /proc/self/mountinfo)
}
