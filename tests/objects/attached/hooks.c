/* pytc-test: programs whose type their argument tells, or a section as before libbpf 1.0 */
#include "../common.h"

SEC("xdp") int by_section(struct xdp_md *xdp __unused)
{
	return XDP_PASS;
}

SEC("xdp_pass") int by_old_section(struct xdp_md *xdp __unused)
{
	return XDP_PASS;
}

SEC("by/argument") int by_argument(struct xdp_md *xdp __unused)
{
	return XDP_PASS;
}

SEC("by/registers") int by_registers(struct pt_regs *registers __unused)
{
	return 0;
}

SEC("any") int of_any_hook(struct __sk_buff *skb __unused)
{
	return TC_ACT_OK;
}

SEC("plain") int without_argument(void *context __unused)
{
	return TC_ACT_OK;
}

SEC("action") int act(struct __sk_buff *skb __unused)
{
	return TC_ACT_OK;
}

SEC("socket") int by_socket(struct __sk_buff *skb __unused)
{
	return TC_ACT_OK;
}

LICENSE("GPL");
