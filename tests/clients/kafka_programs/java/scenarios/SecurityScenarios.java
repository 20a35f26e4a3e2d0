package onemq.kafka;

import static onemq.kafka.Bench.equal;
import static onemq.kafka.Bench.refused;
import static onemq.kafka.Bench.until;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.ScramMechanism;
import org.apache.kafka.clients.admin.UserScramCredentialDeletion;
import org.apache.kafka.clients.admin.UserScramCredentialUpsertion;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AccessControlEntryFilter;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.errors.ResourceNotFoundException;
import org.apache.kafka.common.quota.ClientQuotaAlteration;
import org.apache.kafka.common.quota.ClientQuotaEntity;
import org.apache.kafka.common.quota.ClientQuotaFilter;
import org.apache.kafka.common.quota.ClientQuotaFilterComponent;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourcePatternFilter;
import org.apache.kafka.common.resource.ResourceType;

/** ACLs, quotas and SCRAM credentials as the admin client sees them. */
final class SecurityScenarios {
  private SecurityScenarios() {}

  static Map<String, Main.Scenario> all() {
    return Map.of(
        "adminAcls", SecurityScenarios::acls,
        "adminQuotas", SecurityScenarios::quotas,
        "adminScram", SecurityScenarios::scram);
  }

  private static AclBinding acl(ResourceType type, String name, PatternType pattern, String user, AclOperation operation) {
    return new AclBinding(
        new ResourcePattern(type, name, pattern),
        new AccessControlEntry("User:" + user, "*", operation, AclPermissionType.ALLOW));
  }

  private static AclBindingFilter filter(String name, PatternType pattern) {
    return new AclBindingFilter(new ResourcePatternFilter(ResourceType.ANY, name, pattern), AccessControlEntryFilter.ANY);
  }

  private static void acls(Bench bench) throws Exception {
    String name = bench.name("t");
    AclBinding literal = acl(ResourceType.TOPIC, name, PatternType.LITERAL, "alice", AclOperation.READ);
    AclBinding prefixed = acl(ResourceType.TOPIC, bench.name(""), PatternType.PREFIXED, "bob", AclOperation.WRITE);
    AclBinding group = acl(ResourceType.GROUP, name, PatternType.LITERAL, "alice", AclOperation.READ);
    bench.admin().createAcls(List.of(literal, prefixed, group)).all().get();
    bench.admin().createAcls(List.of(literal)).all().get(); // again: nothing happens
    until(() -> found(bench, filter(name, PatternType.MATCH)).equals(Set.of(literal, prefixed, group)), "what matches the name");
    equal(Set.of(literal, group), found(bench, filter(name, PatternType.LITERAL)));
    equal(Set.of(prefixed), found(bench, filter(null, PatternType.PREFIXED), bench.name("")));
    Collection<AclBinding> deleted = bench.admin().deleteAcls(List.of(filter(name, PatternType.LITERAL))).all().get();
    equal(Set.of(literal, group), Set.copyOf(deleted));
    until(() -> found(bench, filter(name, PatternType.MATCH)).equals(Set.of(prefixed)), "the others are gone");
    equal(1, bench.admin().deleteAcls(List.of(filter(bench.name(""), PatternType.PREFIXED))).all().get().size());
  }

  private static Set<AclBinding> found(Bench bench, AclBindingFilter filter) throws Exception {
    return Set.copyOf(bench.admin().describeAcls(filter).values().get());
  }

  private static Set<AclBinding> found(Bench bench, AclBindingFilter filter, String name) throws Exception {
    return Set.copyOf(bench.admin().describeAcls(filter).values().get().stream().filter(one -> one.pattern().name().equals(name)).toList());
  }

  private static void quotas(Bench bench) throws Exception {
    ClientQuotaEntity user = new ClientQuotaEntity(Map.of(ClientQuotaEntity.USER, bench.name("u")));
    ClientQuotaEntity both =
        new ClientQuotaEntity(Map.of(ClientQuotaEntity.USER, bench.name("u"), ClientQuotaEntity.CLIENT_ID, bench.name("c")));
    alterQuota(bench, user, "producer_byte_rate", 1e6);
    alterQuota(bench, user, "consumer_byte_rate", 2e6);
    alterQuota(bench, both, "request_percentage", 50.0);
    ClientQuotaFilterComponent ofUser = ClientQuotaFilterComponent.ofEntity(ClientQuotaEntity.USER, bench.name("u"));
    until(
        () -> quotasOf(bench, ClientQuotaFilter.contains(List.of(ofUser)))
            .equals(Map.of(user, Map.of("producer_byte_rate", 1e6, "consumer_byte_rate", 2e6), both, Map.of("request_percentage", 50.0))),
        "all quotas of the user");
    equal(Set.of(user), quotasOf(bench, ClientQuotaFilter.containsOnly(List.of(ofUser))).keySet());
    alterQuota(bench, user, "consumer_byte_rate", null);
    until(
        () -> quotasOf(bench, ClientQuotaFilter.containsOnly(List.of(ofUser))).equals(Map.of(user, Map.of("producer_byte_rate", 1e6))),
        "one was removed");
    alterQuota(bench, user, "producer_byte_rate", null);
    alterQuota(bench, both, "request_percentage", null);
    until(() -> quotasOf(bench, ClientQuotaFilter.contains(List.of(ofUser))).isEmpty(), "none is left");
    refused(org.apache.kafka.common.errors.InvalidRequestException.class, () -> alterQuota(bench, user, "no_such_quota", 1.0));
  }

  private static void alterQuota(Bench bench, ClientQuotaEntity entity, String key, Double value) throws Exception {
    ClientQuotaAlteration alteration = new ClientQuotaAlteration(entity, List.of(new ClientQuotaAlteration.Op(key, value)));
    bench.admin().alterClientQuotas(List.of(alteration)).all().get();
  }

  private static Map<ClientQuotaEntity, Map<String, Double>> quotasOf(Bench bench, ClientQuotaFilter filter) throws Exception {
    return bench.admin().describeClientQuotas(filter).entities().get();
  }

  private static void scram(Bench bench) throws Exception {
    String user = bench.name("u");
    List<ScramMechanism> mechanisms = List.of(ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512);
    for (ScramMechanism mechanism : mechanisms) {
      var upsertion = new UserScramCredentialUpsertion(user, new ScramCredentialInfo(mechanism, 4096), "secret");
      bench.admin().alterUserScramCredentials(List.of(upsertion)).all().get();
    }
    until(() -> known(bench, user) && mechanismsOf(bench, user).equals(mechanisms), "both credentials are described");
    bench.admin().alterUserScramCredentials(List.of(new UserScramCredentialDeletion(user, ScramMechanism.SCRAM_SHA_512))).all().get();
    until(() -> mechanismsOf(bench, user).equals(List.of(ScramMechanism.SCRAM_SHA_256)), "one was deleted");
    bench.admin().alterUserScramCredentials(List.of(new UserScramCredentialDeletion(user, ScramMechanism.SCRAM_SHA_256))).all().get();
    until(() -> !known(bench, user), "the user is gone");
    refused(ResourceNotFoundException.class, () -> mechanismsOf(bench, user));
  }

  private static boolean known(Bench bench, String user) throws Exception {
    return bench.admin().describeUserScramCredentials().users().get().contains(user);
  }

  private static List<ScramMechanism> mechanismsOf(Bench bench, String user) throws Exception {
    return bench.admin().describeUserScramCredentials(List.of(user)).description(user).get().credentialInfos().stream()
        .map(ScramCredentialInfo::mechanism).sorted().toList();
  }
}
