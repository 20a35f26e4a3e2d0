const AWS = require("aws-sdk");
AWS.config.update({ region: "us-east-1" });

const sqs = new AWS.SQS();
const queueUrl = "https://sqs.us-east-1.amazonaws.com/123456789012/OrderQueue";

// Sending a message
async function sendMessage(order) {
  const params = {
    QueueUrl: queueUrl,
    MessageBody: JSON.stringify(order),
  };
  const data = await sqs.sendMessage(params).promise();
  console.log("Message sent:", data.MessageId);
}

// Receiving messages in Lambda
exports.handler = async (event) => {
  const messages = event.Records.map((record) => JSON.parse(record.body));
  console.log("Processing messages:", messages);
};
