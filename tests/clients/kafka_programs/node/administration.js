// Scenarios of kafkajs's admin client: topics, offsets, records, configs, groups, ACLs.
'use strict';

const {
  ConfigResourceTypes, AclResourceTypes, AclOperationTypes, AclPermissionTypes, ResourcePatternTypes,
} = require('kafkajs');
const { until, patiently, failure, value, values } = require('./bench');

module.exports = {
  async adminTopics(bench) {
    const admin = await bench.admin();
    const topic = bench.name('t');
    const wanted = { topic, numPartitions: 3, configEntries: [{ name: 'retention.ms', value: '60000' }] };
    const checked = await admin.createTopics({ validateOnly: true, waitForLeaders: false, topics: [wanted] });
    const afterCheck = (await admin.listTopics()).includes(topic);
    const created = await admin.createTopics({ topics: [wanted], waitForLeaders: false });
    await until(async () => (await admin.listTopics()).includes(topic), 'it is listed');
    const again = await admin.createTopics({ topics: [wanted] });
    await patiently(() => admin.createPartitions({ topicPartitions: [{ topic, count: 5 }] }));
    let topics = [];
    await until(async () => {
      ({ topics } = await patiently(() => admin.fetchTopicMetadata({ topics: [topic] })));
      return topics[0].partitions.length === 5;
    }, 'five partitions');
    const fewer = await failure(admin.createPartitions({ topicPartitions: [{ topic, count: 2 }] }));
    const badName = await failure(admin.createTopics({ topics: [{ topic: 'not/a/name' }] }));
    const badConfig = await failure(
      admin.createTopics({
        topics: [{ topic: bench.name('bad'), configEntries: [{ name: 'retention.ms', value: 'soon' }] }],
      }),
    );
    await admin.deleteTopics({ topics: [topic] });
    await until(async () => !(await admin.listTopics()).includes(topic), 'it is listed no more');
    const gone = await bench.hasty((hasty) => hasty.deleteTopics({ topics: [topic] }));
    return {
      checked, afterCheck, created, again, fewer, badName, badConfig, gone,
      partitions: topics[0].partitions.map((partition) => partition.partitionId).sort(),
      errors: topics[0].partitions.map((partition) => partition.partitionErrorCode),
    };
  },

  // This client sets offsets by a consumer of its own, whose last fetch it waits for: five seconds a call.
  async adminSetOffsets(bench) {
    const admin = await bench.admin();
    const topic = await bench.topic('t', 2);
    const groupId = bench.name('g');
    const none = await bench.committed(groupId, topic);
    await admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: '2' }] });
    return { none, set: await bench.committed(groupId, topic) };
  },

  async adminResetOffsets(bench) {
    const admin = await bench.admin();
    const topic = await bench.topic('t');
    const producer = await bench.producer();
    await producer.send({ topic, messages: values(3) });
    await admin.fetchTopicOffsets(topic); // this client deletes records only of topics it knows
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '1' }] });
    const reset = async (earliest) => {
      const groupId = bench.name(`g-${earliest}`);
      await admin.resetOffsets({ groupId, topic, earliest });
      const [{ offset }] = await bench.committed(groupId, topic);
      const [resolved] = await admin.fetchOffsets({ groupId, topics: [topic], resolveOffsets: true });
      return [offset, resolved.partitions[0].offset]; // the special offset is committed as it stands
    };
    const [earliest, latest] = await Promise.all([reset(true), reset(false)]);
    return { earliest, latest };
  },

  async adminRecords(bench) {
    const admin = await bench.admin();
    const topic = await bench.topic('t', 2);
    const producer = await bench.producer();
    for (const timestamp of ['1000', '2000', '3000']) {
      await producer.send({ topic, messages: [{ value: timestamp, timestamp, partition: 0 }] });
    }
    const byTime = {};
    for (const time of [500, 1500, 2000, 3001]) {
      const found = await admin.fetchTopicOffsetsByTimestamp(topic, time);
      byTime[time] = found.find((one) => one.partition === 0).offset;
    }
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '1' }] });
    const ends = (await admin.fetchTopicOffsets(topic)).sort((a, b) => a.partition - b.partition);
    const far = { topic, partitions: [{ partition: 0, offset: '9' }] };
    const tooFar = await bench.hasty(async (hasty) => {
      await hasty.fetchTopicOffsets(topic); // this client deletes records only of topics it knows
      await hasty.deleteTopicRecords(far);
    });
    const records = await bench.read(topic, 2);
    return { byTime, ends, tooFar, records: records.map(value) };
  },

  async adminConfigs(bench) {
    const admin = await bench.admin();
    const topic = await bench.topic('t', 1, [{ name: 'cleanup.policy', value: 'compact' }]);
    const type = ConfigResourceTypes.TOPIC;
    const described = async () => {
      const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type, name: topic }] });
      return Object.fromEntries(resources[0].configEntries.map((entry) => [entry.configName, entry]));
    };
    const before = await described();
    await admin.alterConfigs({
      resources: [{ type, name: topic, configEntries: [{ name: 'max.message.bytes', value: '2000' }] }],
    });
    let after = {};
    await until(async () => (after = await described())['cleanup.policy'].configSource === 5, 'the change is seen');
    const refused = await failure(
      admin.alterConfigs({
        resources: [{ type, name: topic, configEntries: [{ name: 'cleanup.policy', value: 'shred' }] }],
      }),
    );
    const unknown = await failure(
      admin.alterConfigs({
        resources: [{ type, name: bench.name('none'), configEntries: [{ name: 'retention.ms', value: '1' }] }],
      }),
    );
    const pick = ({ configValue, isDefault, configSource }) => [configValue, isDefault, configSource];
    return {
      before: pick(before['cleanup.policy']),
      retention: pick(before['retention.ms']),
      // Altering replaces the whole set: what is not named returns to its default.
      after: [pick(after['cleanup.policy']), pick(after['max.message.bytes'])],
      refused,
      unknown,
    };
  },

  async adminGroups(bench) {
    const admin = await bench.admin();
    const topic = await bench.topic('t');
    const groupId = bench.name('g');
    const consumer = await bench.consumer(groupId);
    let joined = 0;
    consumer.on(consumer.events.GROUP_JOIN, () => joined++);
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({ eachMessage: async () => {} });
    await until(() => joined, 'joined');
    const pick = ({ groups: [{ state, protocol, protocolType, members, errorCode }] }) => ({
      state, protocol, protocolType, errorCode,
      members: members.map(({ clientId, clientHost }) => [clientId, clientHost]),
    });
    const running = pick(await admin.describeGroups([groupId]));
    const listed = (await admin.listGroups()).groups.filter((group) => group.groupId === groupId);
    const busy = await failure(admin.deleteGroups([groupId]));
    await consumer.disconnect();
    const empty = pick(await admin.describeGroups([groupId])).state;
    const removed = await admin.deleteGroups([groupId]);
    const dead = pick(await admin.describeGroups([groupId])).state;
    const gone = await failure(admin.deleteGroups([groupId]));
    return {
      running, busy, empty, dead, gone,
      listed: listed.map((group) => group.protocolType),
      removed: removed.map((group) => group.errorCode),
    };
  },

  async adminAcls(bench) {
    const admin = await bench.admin();
    const resourceName = bench.name('t');
    const acl = {
      resourceType: AclResourceTypes.TOPIC, resourceName,
      resourcePatternType: ResourcePatternTypes.LITERAL,
      principal: 'User:alice', host: '*',
      operation: AclOperationTypes.READ,
      permissionType: AclPermissionTypes.ALLOW,
    };
    await admin.createAcls({ acl: [acl, { ...acl, principal: 'User:bob', operation: AclOperationTypes.ALL }] });
    const filter = {
      resourceType: AclResourceTypes.TOPIC, resourceName,
      resourcePatternType: ResourcePatternTypes.LITERAL,
      operation: AclOperationTypes.ANY,
      permissionType: AclPermissionTypes.ANY,
    };
    const names = (resources) => resources.flatMap((one) => one.acls.map((a) => [a.principal, a.operation])).sort();
    let found = [];
    const count = async (wanted) => {
      const described = async () => (found = names((await admin.describeAcls(filter)).resources)).length === wanted;
      await until(described, `${wanted} ACLs`);
      return found;
    };
    const both = await count(2);
    const deleted = await admin.deleteAcls({ filters: [{ ...filter, principal: 'User:bob' }] });
    const left = await count(1);
    await admin.deleteAcls({ filters: [filter] });
    await count(0);
    return {
      both,
      deleted: deleted.filterResponses.flatMap((one) => one.matchingAcls.map((a) => a.principal)),
      left,
    };
  },

  async adminCluster(bench) {
    const admin = await bench.admin();
    const { brokers, controller, clusterId } = await admin.describeCluster();
    return {
      addresses: brokers.map(({ host, port }) => `${host}:${port}`),
      controllerKnown: brokers.some(({ nodeId }) => nodeId === controller),
      named: clusterId.length > 0,
    };
  },
};
