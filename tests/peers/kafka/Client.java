// Kafka's own client, told by lines on standard input what to do; each is answered by a line.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;

public class Client {
    static final String TEXT = "org.apache.kafka.common.serialization.String";
    static final Map<String, KafkaConsumer<String, String>> consumers = new HashMap<>();
    static Admin admin;
    static Map<String, Object> server;

    public static void main(String[] arguments) throws Exception {
        server = Map.of("bootstrap.servers", arguments[0]);
        admin = Admin.create(server);
        var lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = lines.readLine()) != null; ) {
            System.out.println(obey(line.split(" ")));
            System.out.flush();
        }
    }

    static String obey(String[] words) throws Exception {
        switch (words[0]) {
            case "topic" -> {
                var topic = new NewTopic(words[1], Integer.parseInt(words[2]), (short) 1);
                var settings = new HashMap<String, String>();
                for (int at = 3; at < words.length; at++) {
                    settings.put(words[at].split("=")[0], words[at].split("=")[1]);
                }
                admin.createTopics(List.of(topic.configs(settings))).all().get();
            }
            case "produce" -> {
                return produce(words);
            }
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

    // produce TOPIC PARTITION CODEC TRANSACTION|- TIME|- [KEY ...]: one batch, a record for each key.
    static String produce(String[] words) throws Exception {
        var settings = new HashMap<String, Object>(server);
        settings.put("key.serializer", TEXT + "Serializer");
        settings.put("value.serializer", TEXT + "Serializer");
        settings.put("compression.type", words[3]);
        settings.put("linger.ms", 10_000);
        if (!words[4].equals("-")) {
            settings.put("transactional.id", words[4]);
        }
        try (var producer = new KafkaProducer<String, String>(settings)) {
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
            if (!words[4].equals("-")) {
                producer.commitTransaction();
            }
        }
        return "done";
    }

    static void consume(String group, String topic, int count) {
        var consumer = consumers.computeIfAbsent(group, name -> {
            var settings = new HashMap<String, Object>(server);
            settings.put("group.id", name.split("/")[0]);
            settings.put("group.protocol", name.startsWith("new") ? "consumer" : "classic");
            settings.put("key.deserializer", TEXT + "Deserializer");
            settings.put("value.deserializer", TEXT + "Deserializer");
            settings.put("enable.auto.commit", false);
            settings.put("auto.offset.reset", "earliest");
            settings.put("max.poll.records", 1);
            var made = new KafkaConsumer<String, String>(settings);
            made.subscribe(List.of(topic));
            return made;
        });
        int read = 0;
        do {
            read += consumer.poll(Duration.ofMillis(200)).count();
        } while (read < count || consumer.assignment().isEmpty());
        consumer.commitSync();
    }
}
