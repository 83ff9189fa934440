package dev.cairn.tests;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaCall.Predicates.target;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.assignableTo;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.equivalentTo;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.name;
import static com.tngtech.archunit.core.domain.properties.HasOwner.Predicates.With.owner;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.fields;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.methods;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import dev.cairn.actors.GpuActor;
import dev.cairn.actors.PauseActor;
import dev.cairn.actors.RequestActor;
import dev.cairn.actors.RequestView;
import dev.cairn.actors.SchedulerActor;
import dev.cairn.actors.ViewRelay;
import dev.cairn.device.Device;
import dev.cairn.persistence.RequestEvent;
import dev.cairn.request.CommittedTokens;
import dev.cairn.request.RequestState;
import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.stream.Collectors;
import org.apache.pekko.persistence.typed.javadsl.EventSourcedBehavior;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class ArchitectureTest {
  private static final JavaClasses CAIRN =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .withImportOption(location -> !location.contains("test-classes"))
          .withImportOption(location -> !location.contains("-tests.jar"))
          .importPackages("dev.cairn");

  @Test
  void modulesDependOneWay() {
    layeredArchitecture()
        .consideringOnlyDependenciesInAnyPackage("dev.cairn..")
        .layer("model")
        .definedBy("dev.cairn.model..")
        .layer("native-gpu")
        .definedBy("dev.cairn.device..")
        .layer("persistence")
        .definedBy("dev.cairn.persistence..")
        .layer("scheduling")
        .definedBy("dev.cairn.scheduling..")
        .layer("placement")
        .definedBy("dev.cairn.placement..")
        .layer("request")
        .definedBy("dev.cairn.request..")
        .layer("relay")
        .definedBy("dev.cairn.relay..")
        .layer("actors")
        .definedBy("dev.cairn.actors..")
        .layer("cluster-config")
        .definedBy("dev.cairn.cluster..")
        .layer("bundled-model")
        .definedBy("dev.cairn.bundled..")
        .layer("embedded")
        .definedBy("dev.cairn.embedded..")
        .layer("server")
        .definedBy("dev.cairn.server..")
        .whereLayer("embedded")
        .mayNotBeAccessedByAnyLayer()
        .whereLayer("server")
        .mayNotBeAccessedByAnyLayer()
        .whereLayer("bundled-model")
        .mayOnlyBeAccessedByLayers("server")
        .whereLayer("cluster-config")
        .mayOnlyBeAccessedByLayers("server", "embedded")
        .whereLayer("actors")
        .mayOnlyBeAccessedByLayers("cluster-config", "server", "embedded")
        .whereLayer("placement")
        .mayOnlyBeAccessedByLayers("request", "actors", "cluster-config", "server")
        .whereLayer("relay")
        .mayOnlyBeAccessedByLayers("actors", "cluster-config", "server")
        .whereLayer("request")
        .mayOnlyBeAccessedByLayers("relay", "actors", "cluster-config", "server", "embedded")
        .whereLayer("scheduling")
        .mayOnlyBeAccessedByLayers("request", "actors", "cluster-config", "server")
        .whereLayer("persistence")
        .mayOnlyBeAccessedByLayers(
            "scheduling",
            "placement",
            "request",
            "relay",
            "actors",
            "cluster-config",
            "server",
            "embedded")
        .whereLayer("native-gpu")
        .mayOnlyBeAccessedByLayers(
            "scheduling", "request", "actors", "cluster-config", "server", "embedded")
        .whereLayer("model")
        .mayOnlyBeAccessedByLayers(
            "native-gpu",
            "persistence",
            "scheduling",
            "request",
            "relay",
            "actors",
            "cluster-config",
            "server",
            "embedded")
        .check(CAIRN);
  }

  @Test
  void thePureCoreKnowsNoActorsClocksThreadsOrRandomness() {
    noClasses()
        .that()
        .resideInAnyPackage(
            "dev.cairn.scheduling..",
            "dev.cairn.request..",
            "dev.cairn.placement..",
            "dev.cairn.relay..")
        .should()
        .dependOnClassesThat(
            resideInAPackage("org.apache.pekko..")
                .or(resideInAPackage("java.time.."))
                .or(resideInAPackage("java.util.concurrent.."))
                .or(assignableTo(Thread.class))
                .or(assignableTo(java.util.Random.class)))
        .orShould()
        .callMethodWhere(
            target(owner(assignableTo(System.class)))
                .and(target(name("nanoTime").or(name("currentTimeMillis")))))
        .check(CAIRN);
  }

  @Test
  void modelAndDeviceKnowNoActors() {
    noClasses()
        .that()
        .resideInAnyPackage("dev.cairn.model..", "dev.cairn.device..", "dev.cairn.bundled..")
        .should()
        .dependOnClassesThat(resideInAPackage("org.apache.pekko.."))
        .check(CAIRN);
  }

  @Test
  @DisplayName("R7 only a request's actor grows its tokens, and nobody else holds a writable list")
  void onlyTheRequestActorGrowsTheTokens() {
    noClasses()
        .that()
        .doNotHaveSimpleName("RequestState")
        .and()
        // A copy for readers elsewhere, from which nothing is ever written back.
        .doNotHaveSimpleName("RequestCopy")
        .and()
        .areNotAssignableTo(CommittedTokens.class)
        .should()
        .callMethodWhere(
            target(owner(assignableTo(CommittedTokens.class))).and(target(name("append"))))
        .check(CAIRN);
    // Where a request lives its actor feeds the view, elsewhere the relay does.
    noClasses()
        .that()
        .haveNameNotMatching("dev\\.cairn\\.actors\\.(RequestActor|RequestViews|ViewRelay)(\\$.*)?")
        .should()
        .callMethodWhere(
            target(owner(assignableTo(RequestView.class))).and(target(name("publish"))))
        .check(CAIRN);
    noClasses()
        .that()
        .areNotAssignableTo(RequestActor.class)
        .should()
        .callMethodWhere(target(owner(assignableTo(RequestState.class))).and(target(name("apply"))))
        .check(CAIRN);
    methods()
        .that()
        .areDeclaredIn(CommittedTokens.class)
        .and()
        .haveName("append")
        .should()
        .notBePublic()
        .check(CAIRN);
    fields()
        .that()
        .areDeclaredIn(CommittedTokens.class)
        .and()
        .areNotStatic()
        .should()
        .bePrivate()
        .andShould()
        .haveModifier(JavaModifier.FINAL)
        .check(CAIRN);
  }

  @Test
  @DisplayName("R17 there is one write path: one kind of actor writes events of requests")
  void oneActorWritesEvents() {
    classes()
        .that()
        .areAssignableTo(EventSourcedBehavior.class)
        .and()
        // Writes of tenants and devices, never of a request.
        .areNotAssignableTo(PauseActor.class)
        .should()
        .be(RequestActor.class)
        .check(CAIRN);
    noClasses()
        .that()
        .areAssignableTo(PauseActor.class)
        .should()
        .dependOnClassesThat(assignableTo(RequestEvent.class))
        .check(CAIRN);
  }

  @Test
  @DisplayName("S20 nothing that the scheduler runs can block its thread")
  void theSchedulerCannotBlock() {
    noClasses()
        .that()
        .resideInAPackage("dev.cairn.scheduling..")
        .or()
        .haveNameMatching("dev\\.cairn\\.request\\.SchedulerProtocol(\\$.*)?")
        .or()
        .haveNameMatching("dev\\.cairn\\.actors\\.(SchedulerActor|StepMeter)(\\$.*)?")
        .should()
        .dependOnClassesThat(
            resideInAnyPackage(
                    "java.io..",
                    "java.nio.file..",
                    "java.nio.channels..",
                    "java.net..",
                    "java.sql..",
                    "java.util.concurrent..",
                    "org.rocksdb..",
                    "dev.cairn.persistence.journal..")
                // Work that is handed to an executor is not waited for.
                .and(not(equivalentTo(Executor.class)))
                .or(assignableTo(Thread.class))
                .or(assignableTo(Device.class)))
        .orShould()
        .callMethodWhere(target(owner(assignableTo(Object.class))).and(target(name("wait"))))
        .check(CAIRN);
    methods()
        .that()
        .areDeclaredInClassesThat()
        .resideInAPackage("dev.cairn.scheduling..")
        .or()
        .areDeclaredIn(SchedulerActor.class)
        .should()
        .notHaveModifier(JavaModifier.SYNCHRONIZED)
        .check(CAIRN);
  }

  @Test
  void onlyTheGpuActorDrivesADevice() {
    noClasses()
        .that()
        .resideOutsideOfPackages("dev.cairn.device..", "dev.cairn.server.bench..")
        .and()
        .areNotAssignableTo(GpuActor.class)
        .should()
        .callMethodWhere(
            target(owner(assignableTo(Device.class)))
                .and(
                    target(
                        name("submit")
                            .or(name("await"))
                            .or(name("openSlot"))
                            .or(name("freeSlot")))))
        .check(CAIRN);
  }

  @Test
  void everyCommandOfASealedProtocolHasAHandler() {
    // A receive builder that lacks a command drops it silently: each record must be named by one.
    for (Class<?> actor :
        Set.of(
            RequestActor.class,
            PauseActor.class,
            SchedulerActor.class,
            ViewRelay.class,
            dev.cairn.cluster.admin.NodeAdmin.class)) {
      Class<?> protocol =
          Arrays.stream(actor.getDeclaredClasses())
              .filter(c -> c.getSimpleName().equals("Command"))
              .findFirst()
              .orElseThrow();
      Set<String> handled =
          CAIRN.get(actor).getReferencedClassObjects().stream()
              .map(reference -> reference.getRawType().getName())
              .collect(Collectors.toSet());
      assertThat(protocol.getPermittedSubclasses())
          .extracting(Class::getName)
          .as("commands of " + actor.getSimpleName())
          .allMatch(handled::contains);
    }
  }
}
