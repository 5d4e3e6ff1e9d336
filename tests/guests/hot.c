/* SPDX-License-Identifier: ISC */
/*
 * hot.c: spends its time in known functions, and ends: the command line says in which, and for how many ms.
 *
 *   split MS: 70, 20 and 10 % in seventy, twenty and ten, called by work
 *   deep MS: in bottom, which recurses 200 times
 *   loop MS, odd MS, outside MS: with a frame pointer that leads to itself, to an odd address, out of memory
 *   wait MS: waiting
 *   write MS: in hypercalls, called by writer
 *   pages N: in writing N pages of text, however long that takes
 *   turns MS: in seventy, and says how often
 *   count N: in seventy, N times, however long that takes
 */
#include "guest.h"

#define NOT_INLINE __attribute__((noinline))

/* Both architectures: the same few instructions, so that turns are time. */
#define SPIN(turns) do { \
	for (unsigned long i = (turns); i > 0; i--) \
		__asm__ __volatile__("" ::: "memory"); \
	} while (0)

static NOT_INLINE void seventy(void)
{
	SPIN(7000);
}

static NOT_INLINE void twenty(void)
{
	SPIN(2000);
}

static NOT_INLINE void ten(void)
{
	SPIN(1000);
}

static uint64_t end;

static bool is_over(void)
{
	return solo5_clock_monotonic() >= end;
}

static NOT_INLINE void work(void)
{
	while (!is_over()) {
		seventy();
		twenty();
		ten();
	}
}

static NOT_INLINE void bottom(unsigned depth)
{
	if (depth > 0)
		bottom(depth - 1);
	else
		while (!is_over())
			SPIN(1000);
	__asm__ __volatile__("" ::: "memory");
}

/* The frame pointer is restored, so that the guest survives its own lie. */
static NOT_INLINE void lie(uint64_t frame)
{
	uint64_t here[2], saved, to = frame == 0 ? (uintptr_t)here : frame;

	here[0] = (uintptr_t)here;
	here[1] = (uintptr_t)work;
	while (!is_over()) {
#if defined(__x86_64__)
		__asm__ __volatile__("mov %%rbp, %0\n\tmov %1, %%rbp\n\tmov $1000, %%ecx\n"
				     "1:\tdec %%ecx\n\tjnz 1b\n\tmov %0, %%rbp"
				     : "=&r"(saved) : "r"(to) : "rcx", "memory");
#elif defined(__aarch64__)
		__asm__ __volatile__("mov %0, x29\n\tmov x29, %1\n\tmov w9, #1000\n"
				     "1:\tsubs w9, w9, #1\n\tb.ne 1b\n\tmov x29, %0"
				     : "=&r"(saved) : "r"(to) : "x9", "cc", "memory");
#endif
	}
}

static char line[4096];

static NOT_INLINE void writer(void)
{
	memset(line, '.', sizeof line);
	while (!is_over())
		solo5_console_write(line, sizeof line);
}

static void pages(uint64_t n)
{
	memset(line, '.', sizeof line);
	while (n-- > 0)
		solo5_console_write(line, sizeof line);
}

static void turner(void)
{
	uint64_t turns = 0;

	for (; !is_over(); turns++)
		seventy();
	say("turns ");
	say_number(turns);
	say("\n");
}

static NOT_INLINE void counter(uint64_t turns)
{
	while (turns-- > 0)
		seventy();
}

static NOT_INLINE void waiter(void)
{
	while (!is_over())
		solo5_yield(end, NULL);
}

int solo5_app_main(const struct solo5_start_info *si)
{
	const char *args = si->cmdline;
	void (*what)(void) = take_word(&args, "split") ? work : take_word(&args, "wait") ? waiter :
			     take_word(&args, "write") ? writer :
			     take_word(&args, "turns") ? turner : NULL;
	const bool count = what == NULL && take_word(&args, "count");
	const bool page = what == NULL && !count && take_word(&args, "pages");
	const bool deep = what == NULL && !count && !page && take_word(&args, "deep");
	const uint64_t frame = take_word(&args, "odd") ? (uintptr_t)&end + 1 :
			       take_word(&args, "outside") ? UINT64_C(1) << 40 : 0;
	uint64_t number;

	if (what == NULL && !count && !page && !deep && frame == 0)
		(void)take_word(&args, "loop");
	number = take_number(&args);
	end = solo5_clock_monotonic() + number * 1000000;
	if (what != NULL)
		what();
	else if (count)
		counter(number);
	else if (page)
		pages(number);
	else if (deep)
		bottom(200);
	else
		lie(frame);
	say("SUCCESS\n");
	return 0;
}
