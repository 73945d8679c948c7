// Kafka's own client, told by lines on standard input what to do; each is answered by a line.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;

public class Client {
    static final String TEXT = "org.apache.kafka.common.serialization.String";
    static final Map<String, KafkaConsumer<String, String>> consumers = new HashMap<>();
    static final List<KafkaProducer<String, String>> open = new ArrayList<>();
    static Admin admin;
    static Map<String, Object> server;

    public static void main(String[] arguments) throws Exception {
        server = Map.of("bootstrap.servers", arguments[0]);
        // One that hangs is given up for another.
        admin = Admin.create(Map.of("bootstrap.servers", arguments[0], "request.timeout.ms", 4_000));
        var lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = lines.readLine()) != null; ) {
            System.out.println(obey(line.split(" ")));
            System.out.flush();
        }
    }

    static String obey(String[] words) throws Exception {
        switch (words[0]) {
            case "topic" -> {
                var settings = settings(words, 3);
                var replicas = Short.valueOf(settings.getOrDefault("replicas", "1"));
                settings.remove("replicas");
                var topic = new NewTopic(words[1], Integer.parseInt(words[2]), replicas);
                admin.createTopics(List.of(topic.configs(settings))).all().get();
            }
            case "produce" -> {
                return produce(words);
            }
            case "set" -> {
                var changes = new ArrayList<AlterConfigOp>();
                settings(words, 2).forEach((name, value) ->
                    changes.add(new AlterConfigOp(new ConfigEntry(name, value), AlterConfigOp.OpType.SET)));
                var of = new ConfigResource(ConfigResource.Type.TOPIC, words[1]);
                admin.incrementalAlterConfigs(Map.of(of, changes)).all().get();
            }
            case "leader" -> {
                var topic = admin.describeTopics(List.of(words[1])).allTopicNames().get().get(words[1]);
                var leader = topic.partitions().get(Integer.parseInt(words[2])).leader();
                return leader == null ? "none" : leader.idString();
            }
            case "join" -> consumer(words[1], words[2]).poll(Duration.ofMillis(200));
            case "settle" -> settle(Integer.parseInt(words[1]), List.of(words).subList(2, words.length));
            case "consume" -> consume(words[1], words[2], Integer.parseInt(words[3]));
            case "leave" -> consumers.remove(words[1]).close();
            case "commit" -> {
                var to = new OffsetAndMetadata(Long.parseLong(words[4]));
                var part = new TopicPartition(words[2], Integer.parseInt(words[3]));
                admin.alterConsumerGroupOffsets(words[1], Map.of(part, to)).all().get();
            }
            case "delete" -> {
                var before = RecordsToDelete.beforeOffset(Long.parseLong(words[3]));
                var part = new TopicPartition(words[1], Integer.parseInt(words[2]));
                admin.deleteRecords(Map.of(part, before)).all().get();
            }
            case "grant", "revoke" -> {
                var acls = new ArrayList<AclBinding>();
                var type = ResourceType.fromString(words[2]);
                var on = new ResourcePattern(type, "*", PatternType.LITERAL);
                var who = "User:" + words[1];
                var what = AclOperation.fromString(words[3]);
                acls.add(new AclBinding(on, new AccessControlEntry(who, "*", what, AclPermissionType.ALLOW)));
                if (words[0].equals("grant")) {
                    admin.createAcls(acls).all().get();
                } else {
                    admin.deleteAcls(List.of(acls.get(0).toFilter())).all().get();
                }
            }
            default -> throw new IllegalArgumentException(words[0]);
        }
        return "done";
    }

    static Map<String, String> settings(String[] words, int from) {
        var settings = new HashMap<String, String>();
        for (int at = from; at < words.length; at++) {
            settings.put(words[at].split("=")[0], words[at].split("=")[1]);
        }
        return settings;
    }

    // Polls these members in turn until each has partitions, and all of them together as many.
    static void settle(int partitions, List<String> names) {
        boolean areAllAssigned;
        int assigned;
        do {
            areAllAssigned = true;
            assigned = 0;
            for (var name : names) {
                var consumer = consumers.get(name);
                consumer.poll(Duration.ofMillis(100));
                areAllAssigned &= !consumer.assignment().isEmpty();
                assigned += consumer.assignment().size();
            }
        } while (!areAllAssigned || assigned != partitions);
    }

    // produce TOPIC PARTITION CODEC TRANSACTION|- TIME|- [KEY ...]: one batch, a record for each key. A
    // transaction is committed, unless its name begins with abort or open.
    static String produce(String[] words) throws Exception {
        var settings = new HashMap<String, Object>(server);
        settings.put("key.serializer", TEXT + "Serializer");
        settings.put("value.serializer", TEXT + "Serializer");
        settings.put("compression.type", words[3]);
        settings.put("linger.ms", 10_000);
        if (!words[4].equals("-")) {
            settings.put("transactional.id", words[4]);
        }
        var producer = new KafkaProducer<String, String>(settings);
        try {
            if (!words[4].equals("-")) {
                producer.initTransactions();
                producer.beginTransaction();
            }
            var at = words[5].equals("-") ? null : Long.valueOf(words[5]);
            for (int key = 6; key < words.length; key++) {
                var time = at == null ? null : Long.valueOf(at + (key - 6) * 1_000L);
                var value = "x".repeat(200);
                producer.send(new ProducerRecord<>(words[1], Integer.valueOf(words[2]), time, words[key], value));
            }
            producer.flush();
            if (words[4].startsWith("abort")) {
                producer.abortTransaction();
            } else if (!words[4].equals("-") && !words[4].startsWith("open")) {
                producer.commitTransaction();
            }
        } finally {
            if (words[4].startsWith("open")) {
                open.add(producer);
            } else {
                producer.close();
            }
        }
        return "done";
    }

    static KafkaConsumer<String, String> consumer(String group, String topic) {
        return consumers.computeIfAbsent(group, name -> {
            var settings = new HashMap<String, Object>(server);
            settings.put("group.id", name.split("/")[0]);
            settings.put("group.protocol", name.startsWith("new") ? "consumer" : "classic");
            settings.put("key.deserializer", TEXT + "Deserializer");
            settings.put("value.deserializer", TEXT + "Deserializer");
            settings.put("enable.auto.commit", false);
            settings.put("auto.offset.reset", "earliest");
            settings.put("max.poll.records", 1);
            var made = new KafkaConsumer<String, String>(settings);
            // What is assigned is read when that is asked for, and not by a poll that keeps the member alive.
            made.subscribe(List.of(topic), new ConsumerRebalanceListener() {
                public void onPartitionsRevoked(Collection<TopicPartition> partitions) {}

                public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
                    made.pause(partitions);
                }
            });
            return made;
        });
    }

    static void consume(String group, String topic, int count) {
        var consumer = consumer(group, topic);
        int read = 0;
        do {
            consumer.resume(consumer.assignment());
            read += consumer.poll(Duration.ofMillis(200)).count();
        } while (read < count || consumer.assignment().isEmpty());
        consumer.pause(consumer.assignment());
        consumer.commitSync();
    }
}
