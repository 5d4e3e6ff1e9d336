/* SPDX-License-Identifier: ISC */
/*
 * tree.h: samples of stacks, as a tree of calls, in tables of a fixed size.
 *
 * A node is a function as it was called from its parent; node 0 is the root, and parents come before
 * their children. What finds no room is counted as lost, so that nothing is allocated while the guest
 * runs.
 */
#ifndef HUSK_PROFILE_TREE_H
#define HUSK_PROFILE_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

#define TREE_NODES_MAX (1u << 16)
#define TREE_PLACES_MAX (1u << 14)
#define TREE_NONE UINT32_MAX

enum place_kind {
	PLACE_ROOT,
	PLACE_CODE,	/* value: the address of the function, or an address without one */
	PLACE_WAIT,	/* the guest waits */
	PLACE_CALL,	/* the monitor serves a hypercall; value: the address of its name */
	PLACE_EXIT,	/* the monitor serves an exit of kind value */
	PLACE_RING,	/* the monitor serves the network ring */
	PLACE_OFF,	/* the guest would run, and the host gives it no processor */
};

/* Where time was spent. */
struct place {
	enum place_kind kind;
	uint64_t value;
};

struct tree_place {
	struct place is;
	uint64_t self;		/* samples in it, without what it called */
};

struct tree_node {
	uint32_t place, parent;
	uint32_t first, next;	/* child and sibling, by tree_link; TREE_NONE: none */
	uint64_t self, total;	/* samples; total by tree_sum */
};

struct tree {
	struct tree_node *nodes;	/* owned */
	struct tree_place *places;	/* owned */
	uint32_t *node_slots, *place_slots;	/* hash tables, twice as large; owned */
	uint32_t n_nodes, n_places;
	uint64_t samples, lost;		/* all; of these, what found no room */
};

/* HUSK_E_HOST: no memory; then *t is as after tree_free. */
int tree_init(struct tree *t, struct husk_error *e);

/* Accepts a zeroed tree, and the same one twice. */
void tree_free(struct tree *t);

/* The child of a node at a place, made if need be; TREE_NONE, for node too, if there is no room. */
uint32_t tree_child(struct tree *t, uint32_t node, const struct place *at);

/* So many samples ended at the node, or were lost. */
void tree_count(struct tree *t, uint32_t node, uint64_t samples);

/* Fills in the totals. */
void tree_sum(struct tree *t);

/*
 * Makes lists of children of those that have at least min samples in sum, in the order of before.
 * After tree_sum.
 */
void tree_link(struct tree *t, uint64_t min,
	       bool (*before)(void *ctx, uint32_t place, uint32_t than), void *ctx);

#endif
