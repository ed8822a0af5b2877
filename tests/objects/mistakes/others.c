/* A program that works, among others that do not: what these need must not matter to it. */
#include "../common.h"

extern __u32 CONFIG_NO_SUCH_SETTING __kconfig;
extern __u32 CONFIG_HZ __kconfig;
extern int no_such_function(void) __ksym;

struct nowhere;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, struct nowhere);
	__type(value, __u32);
} incomplete SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, 8);
	__type(value, __u32);
} impossible SEC(".maps");

struct bpf_old_map {
	__u32 type, key_size, value_size, max_entries;
} old_style SEC(".maps") = { BPF_MAP_TYPE_ARRAY, 4, 4, 1 };

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} good SEC(".maps");

int elsewhere SEC("my_maps");
__attribute__((common)) int tentative;

SEC("tc") int fine(struct __sk_buff *skb)
{
	__u32 key = 0, *value = bpf_map_lookup_elem(&good, &key);

	return value ? *value + (CONFIG_HZ ? 1 : 2) : 0;
}

SEC("tc") int wants_setting(struct __sk_buff *skb)
{
	return CONFIG_NO_SUCH_SETTING;
}

SEC("tc") int wants_function(struct __sk_buff *skb)
{
	return no_such_function();
}

SEC("tc") int wants_incomplete(struct __sk_buff *skb)
{
	__u32 key = 0;

	return !bpf_map_lookup_elem(&incomplete, &key);
}

SEC("tc") int wants_impossible(struct __sk_buff *skb)
{
	__u64 key = 0;

	return !bpf_map_lookup_elem(&impossible, &key);
}

SEC("tc") int wants_old_style(struct __sk_buff *skb)
{
	__u32 key = 0;

	return !bpf_map_lookup_elem(&old_style, &key);
}

SEC("tc") int wants_elsewhere(struct __sk_buff *skb)
{
	return elsewhere;
}

SEC("tc") int wants_tentative(struct __sk_buff *skb)
{
	return tentative;
}

extern __u32 ntohl(__u32 number);
SEC("tc") int wants_library(struct __sk_buff *skb)
{
	return ntohl(skb->len);
}


SEC("mine") int typeless(struct __sk_buff *skb)
{
	return TC_ACT_OK;
}

LICENSE("GPL");
