/* pytc-test: a global function whose context the tag "arg:ctx" marks */
/*
 * Wants clang 14 or later, and Linux 6.8, which knows the tag. Returns the length,
 * 60, plus 1.
 */
#include "../common.h"

#define __arg_ctx	__attribute__((btf_decl_tag("arg:ctx")))

__noinline int length(void *context __arg_ctx)
{
	struct __sk_buff *skb = context;

	return skb->len;
}

SEC("tc") int cls_main(struct __sk_buff *skb)
{
	return length(skb) + 1;
}

LICENSE("GPL");
