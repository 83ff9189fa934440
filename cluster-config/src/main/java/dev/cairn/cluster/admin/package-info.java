/**
 * What an operator sees of a cluster and asks of it: an actor on each node that answers for it, and
 * {@link dev.cairn.cluster.admin.ClusterAdmin}, which asks all of them.
 */
package dev.cairn.cluster.admin;
