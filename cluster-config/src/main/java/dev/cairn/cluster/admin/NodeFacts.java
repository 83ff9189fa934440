package dev.cairn.cluster.admin;

import dev.cairn.scheduling.TenantStats;
import java.util.stream.Stream;

/** What a {@link NodeAdmin} reads of its node; called on the actor's thread, returns at once. */
public interface NodeFacts {
  /** Every request whose actor is here, those that ended a moment ago among them. */
  Stream<RequestRow> requests();

  /** Where it is, HOST:PORT. */
  String node();

  /** Where tenants stand at the devices here, as of the last second. */
  Stream<TenantStats> tenants();

  NodeReport report();
}
