/* pytc-test: refused: legacy map of 44 bytes, with something past the 36 that are known */
#define OWN_BPF_ELF_MAP
#include "common.h"

struct bpf_elf_map {
	__u32 type;
	__u32 size_key;
	__u32 size_value;
	__u32 max_elem;
	__u32 flags;
	__u32 id;
	__u32 pinning;
	__u32 inner_id;
	__u32 inner_idx;
	__u32 later;
	__u32 much_later;
};

struct bpf_elf_map SEC("maps") map_hash = {
	.type		= BPF_MAP_TYPE_HASH,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u64),
	.max_elem	= 16,
	.flags		= BPF_F_NO_PREALLOC,
	.id		= 0,
	.pinning	= PIN_NONE,
};

struct bpf_elf_map SEC("maps") map_array = {
	.type		= BPF_MAP_TYPE_ARRAY,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u64),
	.max_elem	= 8,
	.id		= 1,
	.pinning	= PIN_NONE,
	.much_later	= 7,
};

struct bpf_elf_map SEC("maps") map_percpu = {
	.type		= BPF_MAP_TYPE_PERCPU_ARRAY,
	.size_key	= sizeof(__u32),
	.size_value	= sizeof(__u64),
	.max_elem	= 4,
	.id		= 2,
	.pinning	= PIN_NONE,
};

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	COUNT(map_hash, skb->protocol, 1);
	COUNT(map_array, 1, 1);
	COUNT(map_percpu, 2, skb->len);
	return -1;
}

LICENSE("GPL");
