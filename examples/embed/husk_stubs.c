/* SPDX-License-Identifier: ISC */
/* husk_stubs.c: what of libhusk hello.ml calls; a machine is a value that ends with its last use. */
#include <caml/alloc.h>
#include <caml/custom.h>
#include <caml/fail.h>
#include <caml/memory.h>
#include <caml/mlvalues.h>
#include <caml/threads.h>
#include <husk.h>
#include <stdlib.h>

#define MACHINE(v) (*(struct husk **)Data_custom_val(v))

static void finalize(value machine)
{
	husk_destroy(MACHINE(machine));
}

static struct custom_operations operations = {
	.identifier = "husk.machine", .finalize = finalize,
};

static struct husk *get(value machine)
{
	if (MACHINE(machine) == NULL)
		caml_invalid_argument("husk: the machine was destroyed");
	return MACHINE(machine);
}

value husk_ml_create(value console);
value husk_ml_option(value machine, value word);
value husk_ml_load(value machine, value path, value words);
value husk_ml_run(value machine);
value husk_ml_stop(value machine, value reason);
value husk_ml_destroy(value machine);

value husk_ml_create(value console)
{
	CAMLparam1(console);
	CAMLlocal1(machine);
	const struct husk_config config = {.size = sizeof config, .console_fd = Int_val(console)};
	struct husk_error e = {0};

	machine = caml_alloc_custom(&operations, sizeof(struct husk *), 0, 1);
	MACHINE(machine) = husk_create(&config, &e);
	if (MACHINE(machine) == NULL)
		caml_failwith(e.message);
	CAMLreturn(machine);
}

/* Nothing of OCaml's moves in a call that neither allocates nor gives up the lock. */
value husk_ml_option(value machine, value word)
{
	CAMLparam2(machine, word);
	struct husk_error e = {0};

	if (husk_option(get(machine), String_val(word), &e) == -1)
		caml_failwith(e.message);
	CAMLreturn(Val_unit);
}

value husk_ml_load(value machine, value path, value words)
{
	CAMLparam3(machine, path, words);
	struct husk *h = get(machine);
	const mlsize_t n = Wosize_val(words);
	char **args = calloc(n + 1, sizeof *args);
	struct husk_error e = {0};
	int rc;

	if (args == NULL)
		caml_raise_out_of_memory();
	for (mlsize_t i = 0; i < n; i++)
		args[i] = (char *)String_val(Field(words, i));
	rc = husk_load(h, String_val(path), (int)n, args, &e);
	free(args);
	if (rc == -1)
		caml_failwith(e.message);
	CAMLreturn(Val_unit);
}

value husk_ml_run(value machine)
{
	CAMLparam1(machine);
	struct husk *h = get(machine);
	struct husk_error e = {0};
	int status = 0;
	enum husk_end end;

	caml_release_runtime_system();
	end = husk_run(h, &status, &e);
	caml_acquire_runtime_system();
	if (end == HUSK_FAILED)
		caml_failwith(e.message);
	CAMLreturn(Val_int(end == HUSK_HALTED ? status : -1));
}

value husk_ml_stop(value machine, value reason)
{
	husk_stop(get(machine), Int_val(reason));
	return Val_unit;
}

value husk_ml_destroy(value machine)
{
	husk_destroy(MACHINE(machine));
	MACHINE(machine) = NULL;
	return Val_unit;
}
