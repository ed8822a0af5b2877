/*
 * CO-RE: questions about the running kernel's types. The compiler leaves each
 * as a relocation and puts the answer for the types as declared here; the
 * loader puts the kernel's.
 */
#ifndef PYTC_TEST_OBJECTS_CORE_H
#define PYTC_TEST_OBJECTS_CORE_H

/*
 * Marks a type of the kernel: each access to a member is relocated. Only the
 * members in use are declared, in any order. What follows "___" in the name
 * is not part of it, so a type may be declared in several ways.
 */
#define KERNEL_TYPE	__attribute__((preserve_access_index))

/*
 * Of a member, given as an expression: task->pid. Compilers ask for the sign of numbers
 * only, and for the shifts of what has 64 bits at most.
 */
enum { ASK_OFFSET, ASK_SIZE, ASK_EXISTS, ASK_SIGNED, ASK_LEFT, ASK_RIGHT };
#define FIELD_OFFSET(field)	__builtin_preserve_field_info(field, ASK_OFFSET)
#define FIELD_SIZE(field)	__builtin_preserve_field_info(field, ASK_SIZE)
#define FIELD_EXISTS(field)	__builtin_preserve_field_info(field, ASK_EXISTS)
#define FIELD_SIGNED(field)	__builtin_preserve_field_info(field, ASK_SIGNED)
/* By how much to shift the u64 that holds a bit field: first left, then right. */
#define FIELD_LEFT(field)	__builtin_preserve_field_info(field, ASK_LEFT)
#define FIELD_RIGHT(field)	__builtin_preserve_field_info(field, ASK_RIGHT)

/* The same without a pointer: MEMBER(struct task_struct, pid). */
#define MEMBER(type, field)	(((type *)0)->field)

/* Of a type. Matching needs clang 15. */
enum { ASK_TYPE_EXISTS, ASK_TYPE_SIZE, ASK_TYPE_MATCHES };
#define TYPE_EXISTS(type)	__builtin_preserve_type_info(*(type *)0, ASK_TYPE_EXISTS)
#define TYPE_SIZE(type)		__builtin_preserve_type_info(*(type *)0, ASK_TYPE_SIZE)
#define TYPE_MATCHES(type)	__builtin_preserve_type_info(*(type *)0, ASK_TYPE_MATCHES)

/* Type ids: in the BTF of the object, and in that of the kernel. */
enum { ASK_ID_HERE, ASK_ID_THERE };
#define TYPE_ID_LOCAL(type)	__builtin_btf_type_id(*(type *)0, ASK_ID_HERE)
#define TYPE_ID_KERNEL(type)	__builtin_btf_type_id(*(type *)0, ASK_ID_THERE)

/* Of an enumerator, given with its type. */
enum { ASK_ENUM_EXISTS, ASK_ENUM_VALUE };
#define ENUM_EXISTS(type, name)	__builtin_preserve_enum_value(*(type *)name, ASK_ENUM_EXISTS)
#define ENUM_VALUE(type, name)	__builtin_preserve_enum_value(*(type *)name, ASK_ENUM_VALUE)

/* Copies what is at a kernel address into a variable of the same size. */
#define PEEK(variable, address)	bpf_probe_read_kernel(&(variable), sizeof(variable), address)

/* A member, read without the verifier knowing the pointer's type; 0 on a fault. */
#define READ(pointer, field)						\
	({								\
		__typeof__((pointer)->field) field_ = 0;		\
									\
		PEEK(field_, &(pointer)->field);			\
		field_;							\
	})

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define UNUSED_BYTES(size)	0
#else
#define UNUSED_BYTES(size)	(8 - (size))
#endif

/* Cuts a bit field out of the u64 that holds it. */
#define CUT_BITS(whole, field)						\
	(FIELD_SIGNED(field) ?						\
	 (__u64)((__s64)((whole) << FIELD_LEFT(field)) >> FIELD_RIGHT(field)) : \
	 (__u64)((whole) << FIELD_LEFT(field)) >> FIELD_RIGHT(field))

/* A bit field, by copy. */
#define READ_BITS(pointer, field)					\
	({								\
		__u32 size_ = FIELD_SIZE((pointer)->field);		\
		__u64 whole_ = 0;					\
									\
		bpf_probe_read_kernel((char *)&whole_ + UNUSED_BYTES(size_), size_, \
				      (char *)(pointer) + FIELD_OFFSET((pointer)->field)); \
		CUT_BITS(whole_, (pointer)->field);			\
	})

/* A bit field, by a load of the right width. */
#define LOAD_BITS(pointer, field)					\
	({								\
		const void *at_ = (const char *)(pointer) + FIELD_OFFSET((pointer)->field); \
		__u64 whole_ = 0;					\
									\
		/* or else the four loads become one of a variable width */ \
		asm volatile("" : "+r"(at_));				\
		switch (FIELD_SIZE((pointer)->field)) {			\
		case 1: whole_ = *(const __u8 *)at_; break;		\
		case 2: whole_ = *(const __u16 *)at_; break;		\
		case 4: whole_ = *(const __u32 *)at_; break;		\
		case 8: whole_ = *(const __u64 *)at_; break;		\
		}							\
		CUT_BITS(whole_, (pointer)->field);			\
	})

#endif
