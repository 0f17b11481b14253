for (const place of document.querySelectorAll("div.plot")) {
  const drawn = JSON.parse(document.getElementById(place.dataset.figure).textContent);
  place.textContent = "";
  Plotly.newPlot(place, drawn.data, drawn.layout, drawn.config);
}
