/* pytc-test: an object of a single program, which is XDP and returns what is TC_ACT_SHOT to a filter */
#include "../common.h"

SEC("prog") int only(struct xdp_md *xdp __unused)
{
	return XDP_PASS;
}

LICENSE("GPL");
