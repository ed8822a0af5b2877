/* pytc-test: 30 programs in three sections, with functions in common */
/*
 * tc_0 to tc_9 in section "tc", cls_0 to cls_9 in "classifier", act_0 to act_9 in "action"
 * (SCHED_ACT) return their digit plus 10, 20 or 30. "runs" in .bss counts each at that
 * number, less 10.
 */
#include "common.h"

__u32 runs[30];

static __noinline int done(int number)
{
	__sync_fetch_and_add(&runs[number - 10], 1);
	return number;
}

#define PROGRAM(section, name, number)				\
	SEC(section) int name(struct __sk_buff *skb)		\
	{							\
		return done(number);				\
	}
#define TEN(section, name, first)			\
	PROGRAM(section, name##_0, first)		\
	PROGRAM(section, name##_1, (first) + 1)		\
	PROGRAM(section, name##_2, (first) + 2)		\
	PROGRAM(section, name##_3, (first) + 3)		\
	PROGRAM(section, name##_4, (first) + 4)		\
	PROGRAM(section, name##_5, (first) + 5)		\
	PROGRAM(section, name##_6, (first) + 6)		\
	PROGRAM(section, name##_7, (first) + 7)		\
	PROGRAM(section, name##_8, (first) + 8)		\
	PROGRAM(section, name##_9, (first) + 9)

TEN("tc", tc, 10)
TEN("classifier", cls, 20)
TEN("action", act, 30)

LICENSE("GPL");
