/* pytc-test: 70 legacy maps: more than one datagram of an export holds */
#include "common.h"

#define MAP(number)						\
	struct bpf_elf_map SEC("maps") map_##number = {		\
		.type		= BPF_MAP_TYPE_ARRAY,		\
		.size_key	= sizeof(__u32),		\
		.size_value	= sizeof(__u64),		\
		.max_elem	= 1,				\
		.id		= 1##number - 100,		\
	}
#define TEN(tens)							\
	MAP(tens##0); MAP(tens##1); MAP(tens##2); MAP(tens##3); MAP(tens##4); \
	MAP(tens##5); MAP(tens##6); MAP(tens##7); MAP(tens##8); MAP(tens##9)

/* map_00 to map_69, each with its number as id */
TEN(0);
TEN(1);
TEN(2);
TEN(3);
TEN(4);
TEN(5);
TEN(6);

/* A program may use 64 maps at most. */
SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	COUNT(map_00, 0, 1);
	COUNT(map_63, 0, 1);
	COUNT(map_64, 0, 1);
	COUNT(map_69, 0, skb->len);
	return -1;
}

LICENSE("GPL");
