/* SPDX-License-Identifier: ISC */
/* machine.h: what a struct husk holds, for the files that implement husk.h. */
#ifndef HUSK_MACHINE_H
#define HUSK_MACHINE_H

#include <stdbool.h>

#include "core.h"
#include "elf.h"
#include "../include/husk/husk.h"
#include "module.h"
#include "sandbox.h"
#include "symbols.h"
#include "times.h"

#define MODULES_MAX 16

struct husk {
	struct husk_config config;
	const struct hv_ops *ops;
	const struct module *const *modules;
	const struct absent_module *absent;	/* NULL: none is known */
	int guest_argc;			/* words behind the image; the caller's, for messages */
	char *const *guest_argv;
	struct settings settings;
	bool applied;			/* husk_load was called: it is too late for further settings */
	struct elf_image image;
	struct symbol_file symbols;	/* names of its functions, read when they are wanted */
	struct clock_own clock;		/* the guest's, if the program makes it */
	struct core core;
	struct times times;		/* of its runs, if they are wanted, and then */
	int footprint;			/* footprint.h, while there is a machine; -1: not known */
	unsigned attention;		/* husk_attend's id in the core */
	bool loaded;
	bool confined;			/* husk_confine was called, and layers are in force */
	struct sandbox_layers layers;
	unsigned n_opened, n_attached, n_started;	/* modules that got that far, in table order */
	void *state[MODULES_MAX];
	char *cmdline;			/* of the guest; owned */
	bool ended;			/* the guest has, by itself */
	enum husk_how how;		/* the last run has ended */
	int status;
	struct husk_error last;		/* of a run that failed */
};

/*
 * Copies a structure of the caller's, of his header's size, or of size_0 if he says none; what he does
 * not have is 0. -1 if he has more, and that is not 0.
 */
int machine_take(void *to, size_t size, const void *from, size_t his, size_t size_0);

/* husk_create with another backend and other modules, for tests; both must outlive the machine. */
struct husk *machine_create(const struct husk_config *config, const struct hv_ops *ops,
			    const struct module *const *modules, struct husk_error *e);

/*
 * Starts the modules' threads, each once; they may run from then on. After a failure those that were
 * started stay so, and the next call goes on with the one that failed.
 */
int machine_start(struct husk *h, struct husk_error *e);

/* Whether the program asks for an end before the guest has been started. */
bool machine_stopping(const struct husk *h);

/* Tells the user a line that does not end the run. */
void machine_say(const struct husk *h, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Guest memory in bytes as set by options; tells the user if it was rounded. */
uint64_t machine_memory_size(const struct husk *h);

/* What modules see of the program around h, with h's notice function. */
struct module_host machine_host(const struct husk *h);

/* Opens what --symbols names, or the image, which is open, for h->symbols. HUSK_E_*. */
int machine_open_symbols(struct husk *h, struct husk_error *e);

/*
 * Opens module m for the devices in mft and has it confirmed; host as from machine_host. On failure
 * nothing stays open.
 */
int machine_open_module(const struct husk *h, const struct module *m,
			const struct module_host *host, void **state, struct manifest *mft,
			struct husk_error *e);

/*
 * If the failure of a run names an instruction by its address: appends its function, and the command
 * that shows its line in the source.
 */
void machine_add_place(const struct husk *h, struct husk_error *e);

/* Where the guest's code was when the run ended; of an exception in it, the code that caused it. */
bool machine_address(const struct husk *h, uint64_t *address);

/* The function at q->addr: fills in the rest. */
void machine_name(const struct husk *h, struct symbol_query *q);

/* Tells the user the same of the exception that has ended the guest, if one has. */
void machine_tell_trap(const struct husk *h);

/* The option groups of the monitor and its modules; returns how many, at most MODULES_MAX + 1. */
size_t machine_options(const struct module *const *mods, struct option_group *groups);

/*
 * Every device of the image has a setting that attaches it and a module of its type, and no
 * setting names a device that is not there. HUSK_E_USAGE.
 */
int machine_match_devices(const struct husk *h, struct husk_error *e);

/* The two halves of it: one setting names a device that it can attach; one device is attached. */
int machine_match_setting(const struct husk *h, const struct setting *s, struct husk_error *e);
int machine_match_device(const struct husk *h, const struct mft_entry *entry,
			 struct husk_error *e);

/* elf_fit and elf_fit_data, with a hint if --mem comes after the image. */
int machine_fit(const struct husk *h, uint64_t mem_size, struct husk_error *e);
int machine_fit_data(const struct husk *h, uint64_t mem_size, struct husk_error *e);

/* HUSK_E_USAGE if the word is an option of one of these modules. */
int machine_option_absent(const struct absent_module *m, const char *word, struct husk_error *e);

/* The module that serves devices of this type; NULL if it is not compiled in. */
const struct module *machine_module_for(const struct module *const *mods, uint32_t type);

#endif
