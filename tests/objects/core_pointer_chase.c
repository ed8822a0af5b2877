/* pytc-test: CO-RE: chains of pointers, by load and by copy */
/*
 * Returns the id of the parent process. In .bss, "seen": that by copy; inode numbers of
 * the executable and of the network namespace; "name": the executable's file name.
 */
#include "common.h"
#include "core.h"

struct inode {
	unsigned long i_ino;
} KERNEL_TYPE;

struct qstr {
	const unsigned char *name;
} KERNEL_TYPE;

struct dentry {
	struct qstr d_name;
} KERNEL_TYPE;

struct path {
	struct dentry *dentry;
} KERNEL_TYPE;

struct file {
	struct inode *f_inode;
	struct path f_path;
} KERNEL_TYPE;

struct mm_struct {
	struct file *exe_file;
} KERNEL_TYPE;

struct ns_common {
	unsigned int inum;
} KERNEL_TYPE;

struct net {
	struct ns_common ns;
} KERNEL_TYPE;

struct nsproxy {
	struct net *net_ns;
} KERNEL_TYPE;

struct task_struct {
	struct task_struct *group_leader;
	struct task_struct *real_parent;
	struct mm_struct *mm;
	struct nsproxy *nsproxy;
	int tgid;
} KERNEL_TYPE;

__u64 seen[3];
char name[32];

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct file *file = READ(READ(task, mm), exe_file);

	seen[0] = READ(READ(READ(task, group_leader), real_parent), tgid);
	seen[1] = READ(READ(file, f_inode), i_ino);
	seen[2] = task->nsproxy->net_ns->ns.inum;
	bpf_probe_read_kernel_str(name, sizeof(name), READ(READ(file, f_path.dentry), d_name.name));
	return task->group_leader->real_parent->tgid;
}

LICENSE("GPL");
